"""SCRAM-SHA-256: the example of RFC 7677, a client of our own making, and broken messages."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.sasl import converse, offered, told
from net.scram import KeyWanted, Proof, Scram
from net.step import Challenge, Failed


@dataclass(frozen=True)
class StoredKey:
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes


def key_of(password: bytes, salt: bytes, iterations: int = 4096) -> StoredKey:
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return StoredKey(iterations, salt, hashlib.sha256(client_key).digest(), server_key)


# RFC 7677 §3
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PENCIL = key_of(b"pencil", SALT)
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = b"n,,n=user,r=" + CLIENT_NONCE.encode()
FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)


def test_the_example_of_the_rfc() -> None:
    exchange = Scram(SERVER_NONCE)
    assert exchange.start(None) == Challenge(b"")
    assert exchange.feed(FIRST) == KeyWanted("user")
    assert exchange.keyed(PENCIL) == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    step = exchange.feed(FINAL)
    assert isinstance(step, Proof)
    assert (step.login, step.authzid, step.right) == ("user", "", True)
    assert step.final == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert "stored" not in repr(step)


def test_another_key_is_not_proved() -> None:
    for other in (key_of(b"Pencil", SALT), key_of(b"pencil", SALT, 4097)):
        exchange = Scram(SERVER_NONCE)
        exchange.start(FIRST)
        exchange.keyed(other)
        step = exchange.feed(FINAL)
        assert isinstance(step, Proof)
        assert not step.right


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,r=abc,n=user",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"n,,n=us\0er,r=abc",
        b"n,,n=a=b,r=abc",
        b"n,,n=user,r=a b",
        "n,,n=user,r=é".encode(),
        b"n,,n=\xff,r=abc",
        b"x,,n=user,r=abc",
        b"n,user,n=user,r=abc",
        b"p=tls-unique,,n=user,r=abc",
        b"n,,m=ext,n=user,r=abc",
        b"n,,n=user,r=abc,nonsense",
        b"n,,n=" + b"u" * 2000 + b",r=abc",
    ],
)
def test_broken_first_messages(first: bytes) -> None:
    assert isinstance(Scram().start(first), Failed)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        FINAL.replace(b"c=biws", b"c=eSws"),  # another header than at first
        FINAL.replace(b"r=rOpr", b"r=rOps"),
        FINAL.replace(b",p=", b",q="),
        FINAL[:-1] + b"!",
        FINAL.replace(b"c=biws,", b""),
        b"\xff",
    ],
)
def test_broken_final_messages(final: bytes) -> None:
    exchange = Scram(SERVER_NONCE)
    exchange.start(FIRST)
    exchange.keyed(PENCIL)
    assert isinstance(exchange.feed(final), Failed)


@pytest.mark.parametrize("proof", [b"", b"AAAA", base64.b64encode(b"x" * 33)])
def test_a_proof_of_another_length_is_wrong(proof: bytes) -> None:
    exchange = Scram(SERVER_NONCE)
    exchange.start(FIRST)
    exchange.keyed(PENCIL)
    step = exchange.feed(FINAL.rpartition(b"p=")[0] + b"p=" + proof)
    assert isinstance(step, Proof)
    assert not step.right


def test_names_and_authorisation() -> None:
    exchange = Scram()
    assert exchange.start("y,a=boss=2C=3D,n=太郎=2C,r=abc,x=1".encode()) == KeyWanted("太郎,")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_comes_is_answered(first: bytes, final: bytes) -> None:
    exchange = Scram()
    if isinstance(exchange.start(b"n,," + first), KeyWanted):
        exchange.keyed(PENCIL)
        step = exchange.feed(final)
        assert isinstance(step, Failed) or (isinstance(step, Proof) and not step.right)


class Client:
    """Answers as the client of the example; `last` is what it says to the server's proof."""

    def __init__(self, last: bytes = b"") -> None:
        self.heard: list[bytes] = []
        self.says = [FINAL, last]

    async def ask(self, challenge: bytes) -> bytes:
        self.heard.append(challenge)
        return self.says.pop(0)

    @staticmethod
    async def key(login: str) -> StoredKey:
        return PENCIL

    @staticmethod
    async def judge(given: object) -> str:
        assert isinstance(given, Proof)
        if not given.right:
            raise PermissionError
        return given.login


async def test_a_whole_conversation() -> None:
    client = Client()
    answer = await converse(Scram(SERVER_NONCE), FIRST, client.ask, client.key, client.judge)
    assert answer == "user"
    assert [heard[:2] for heard in client.heard] == [b"r=", b"v="]


async def test_a_wrong_proof_hears_no_verifier() -> None:
    client = Client()
    client.says[0] = FINAL.replace(b"dHzb", b"dHza")
    with pytest.raises(PermissionError):
        await converse(Scram(SERVER_NONCE), FIRST, client.ask, client.key, client.judge)
    assert len(client.heard) == 1


async def test_the_last_response_is_empty() -> None:
    client = Client(last=b"more")
    answer = await converse(Scram(SERVER_NONCE), FIRST, client.ask, client.key, client.judge)
    assert isinstance(answer, Failed)


BINDING = b"\x01" * 32


def bound(flag: bytes, data: bytes, *, plus: bool, binding: bytes) -> object:
    """An exchange of a client that knows the password and binds in this way."""
    exchange = Scram("srv", binding=binding, plus=plus)
    step = exchange.start(flag + b",,n=user,r=cli")
    if not isinstance(step, KeyWanted):
        return step
    first = exchange.keyed(PENCIL).data
    without = b"c=" + base64.b64encode(flag + b",," + data) + b",r=clisrv"
    signed = b"n=user,r=cli," + first + b"," + without
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", SALT, 4096)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    return exchange.feed(without + b",p=" + base64.b64encode(proof))


def test_a_login_is_bound_to_the_certificate() -> None:
    flag = b"p=tls-server-end-point"
    step = bound(flag, BINDING, plus=True, binding=BINDING)
    assert isinstance(step, Proof) and step.right
    # another certificate, which is what somebody between would show
    assert isinstance(bound(flag, b"\x02" * 32, plus=True, binding=BINDING), Failed)
    assert isinstance(bound(flag, b"", plus=True, binding=BINDING), Failed)
    assert isinstance(bound(b"p=tls-unique", BINDING, plus=True, binding=BINDING), Failed)
    assert isinstance(bound(b"n", b"", plus=True, binding=BINDING), Failed)
    assert isinstance(bound(flag, BINDING, plus=False, binding=BINDING), Failed)


def test_who_was_told_that_there_is_no_binding_is_refused() -> None:
    assert isinstance(bound(b"y", b"", plus=False, binding=BINDING), Failed)
    for flag, binding in ((b"n", BINDING), (b"y", b"")):
        step = bound(flag, b"", plus=False, binding=binding)
        assert isinstance(step, Proof) and step.right


def test_what_is_told_depends_on_the_connection() -> None:
    names = ("PLAIN", "SCRAM-SHA-256-PLUS")
    assert told(names, b"") == ("PLAIN",)
    assert told(names, BINDING) == names
    assert offered(b"SCRAM-SHA-256-PLUS", names) is None
    assert offered(b"SCRAM-SHA-256-PLUS", names, BINDING) is not None


def test_who_could_bind_may_go_on_where_nobody_offers_it() -> None:
    """RFC 5802 §6: `y` is a lie only where the server has offered -PLUS."""
    for names, welcome in ((("SCRAM-SHA-256",), True), (("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), False)):
        exchange = offered(b"SCRAM-SHA-256", names, b"x" * 32)
        assert exchange is not None
        assert isinstance(exchange.start(b"y,,n=taro,r=abc"), KeyWanted) is welcome

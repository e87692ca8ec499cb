"""SCRAM-SHA-256 through each door, by a client that checks the server's proof too (RFC 5802 §5)."""

import asyncio
import base64
import hashlib
import hmac
import ssl

import pytest

from config.settings import Settings
from storage.people import passwords
from tests.house import HOSTNAME, PASSWORDS, House

TARO = "taro@example.test"


class Client:
    """The messages of one exchange."""

    def __init__(self, login: str, password: str) -> None:
        self.first = f"n={login},r=fyko+d2lbbFgONRv9qkxdawL"
        self.password = password
        self.verifier = b""

    def begins(self) -> bytes:
        return base64.b64encode(f"n,,{self.first}".encode())

    def proves(self, challenge: bytes) -> bytes:
        server = base64.b64decode(challenge).decode()
        nonce, salt, iterations = (word[2:] for word in server.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password.encode(), base64.b64decode(salt), int(iterations)
        )
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={nonce}"
        signed = f"{self.first},{server},{final}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self.verifier = b"v=" + base64.b64encode(hmac.digest(server_key, signed, "sha256"))
        return base64.b64encode(f"{final},p={base64.b64encode(proof).decode()}".encode())


# How each protocol frames the exchange: the command, what a challenge begins with, success and refusal.
FRAMES = {
    "smtp": (b"AUTH SCRAM-SHA-256 ", b"334 ", b"235 2.7.0 ", b"535 5.7.8 "),
    "imap": (b"a AUTHENTICATE SCRAM-SHA-256 ", b"+ ", b"a OK ", b"a NO [AUTHENTICATIONFAILED] "),
    "pop3": (b"AUTH SCRAM-SHA-256 ", b"+ ", b"+OK ", b"-ERR [AUTH] "),
}


async def opened(house: House, door: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = await {
        "smtp": lambda: house.smtp("implicit", "submission"),
        "imap": lambda: house.imap("implicit"),
        "pop3": lambda: house.pop3("implicit"),
    }[door]()
    context: ssl.SSLContext = house.client_context()
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=HOSTNAME)
    await reader.readline()
    if door == "smtp":
        writer.write(b"EHLO client.example\r\n")
        while not (await reader.readline()).startswith(b"250 "):
            pass
    return reader, writer


async def exchanged(house: House, door: str, login: str, password: str) -> bytes:
    """The reply that ends the exchange."""
    command, challenge, success, _ = FRAMES[door]
    client = Client(login, password)
    reader, writer = await opened(house, door)
    writer.write(command + client.begins() + b"\r\n")
    first = await asyncio.wait_for(reader.readline(), 60)
    assert first.startswith(challenge)
    writer.write(client.proves(first.removeprefix(challenge).strip()) + b"\r\n")
    line = await asyncio.wait_for(reader.readline(), 60)
    if line.startswith(challenge) and not line.startswith(success):
        assert base64.b64decode(line.removeprefix(challenge)) == client.verifier
        writer.write(b"\r\n")
        line = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    return line


@pytest.fixture
def keyed(house: House) -> House:
    key = passwords.scram_sha_256_key(PASSWORDS["taro"], iterations=4096)
    house.site.write_account("taro", f'scram_sha_256: "{key}"\n')
    return house


@pytest.mark.parametrize("door", FRAMES)
async def test_the_right_password(keyed: House, door: str) -> None:
    answer = await exchanged(keyed, door, TARO, PASSWORDS["taro"])
    assert answer.startswith(FRAMES[door][2]), answer


@pytest.mark.parametrize("door", FRAMES)
@pytest.mark.parametrize(
    ("login", "password"), [(TARO, "wrong"), ("nobody@example.test", "x"), ("hanako@example.test", "x")]
)
async def test_wrong_unknown_and_without_a_key_are_one(
    keyed: House, door: str, login: str, password: str
) -> None:
    answer = await exchanged(keyed, door, login, password)
    assert answer.startswith(FRAMES[door][3]), answer


@pytest.mark.parametrize("door", FRAMES)
async def test_a_mechanism_that_is_not_offered(keyed: House, door: str) -> None:
    settings: Settings = keyed.settings
    auth = settings.auth.model_copy(update={"mechanisms": ("PLAIN",)})
    keyed.settings = settings.model_copy(update={"auth": auth})
    reader, writer = await opened(keyed, door)
    writer.write(FRAMES[door][0] + Client(TARO, "x").begins() + b"\r\n")
    line = await asyncio.wait_for(reader.readline(), 60)
    assert line.startswith((b"504 ", b"a NO [CANNOT]", b"-ERR no such mechanism")), line
    writer.close()

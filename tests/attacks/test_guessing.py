"""Guessing passwords, and finding out who exists: a guess costs a hash, ten lock, and all answers are alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.errors import LoginRefused
from storage.people import passwords
from tests.house import DOMAIN, House, Site

TARO = f"taro@{DOMAIN}"
ELSEWHERE = "192.0.2.66"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The password hashes that were computed."""
    computed: list[str] = []
    real = passwords.verify

    def verify(stored: str, password: str) -> bool:
        computed.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", verify)
    return computed


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(
        Site.make(tmp_path, auth="{plaintext_without_tls: loopback, lock_after: 10, max_tries: 3}")
    ).open()
    yield house
    await house.close()


async def _guess(house: House, login: str, password: str, peer: str = ELSEWHERE) -> str:
    with pytest.raises(LoginRefused) as refused:
        await house.store.logins.check(login, password, peer=peer, protocol="imap", trace="t")
    return str(refused.value)


async def test_a_hundred_guesses_at_once_are_not_tried_before_the_first_is_counted(
    strict: House, hashed: list[str]
) -> None:
    reasons = await asyncio.gather(*(_guess(strict, TARO, f"guess {number}") for number in range(100)))
    assert reasons.count("locked") >= 88
    assert len(hashed) <= 12  # ten, and the one that was under way beside the tenth


async def test_a_lock_holds_under_every_spelling_of_the_name(strict: House) -> None:
    for number in range(10):
        await _guess(strict, TARO, f"guess {number}")
    for spelling in (TARO, TARO.upper(), f"taro%{DOMAIN}", f'"taro"@{DOMAIN}', f" {TARO} "):
        assert await _guess(strict, spelling, "tarosecret") == "locked"
    assert await strict.store.logins.check(
        f"hanako@{DOMAIN}", "hanakosecret", peer=ELSEWHERE, protocol="imap", trace="t"
    )


async def test_ipv6_guessers_count_by_their_network(strict: House) -> None:
    for number in range(10):
        await _guess(strict, TARO, f"guess {number}", peer=f"2001:db8:1:2::{number:x}")
    assert await _guess(strict, TARO, "tarosecret", peer="2001:db8:1:2:ffff::1") == "locked"


@pytest.mark.parametrize(
    "login",
    [TARO, f"nobody@{DOMAIN}", "taro@elsewhere.test", "taro", "../../etc/passwd", f"suspended@{DOMAIN}"],
)
async def test_who_exists_is_told_neither_by_text_nor_by_work(
    strict: House, hashed: list[str], login: str
) -> None:
    """One hash and one count for each refusal, whoever it is about."""
    strict.site.write_account("suspended", "suspended: true\n", "secret")
    answers = []
    for wrong in ("wrong one", "wrong two"):
        imap, smtp, pop3 = await _doors(strict, login, wrong)
        answers += [imap, smtp, pop3]
    assert len(hashed) == 6
    assert set(answers) == {
        b"NO [AUTHENTICATIONFAILED] Login failed\r\n",
        b"535 5.7.8 authentication failed\r\n",
        b"-ERR [AUTH] wrong login name or password\r\n",
    }


async def _doors(house: House, login: str, password: str) -> tuple[bytes, bytes, bytes]:
    """What the three doors answer to a login."""
    import base64

    plain = base64.b64encode(f"\0{login}\0{password}".encode())
    answers = []
    for address, command in (
        (await house.imap(), b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n"),
        (await house.smtp(mode="submission"), b"EHLO x\r\nAUTH PLAIN %b\r\n"),
        (await house.pop3(), b"AUTH PLAIN %b\r\n"),
    ):
        raw = login.encode(), password.encode()
        reader, writer = await asyncio.open_connection(*address)
        await reader.readline()
        writer.write(
            command % (len(raw[0]), raw[0], len(raw[1]), raw[1]) if b"LOGIN" in command else command % plain
        )
        line = await reader.readline()
        while line.startswith((b"250", b"*")):
            line = await reader.readline()
        answers.append(line.removeprefix(b"a "))
        writer.close()
    return answers[0], answers[1], answers[2]

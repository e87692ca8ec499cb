"""Logging in: names, passwords, what is remembered, what is the same to the peer."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from config.settings import Auth, Settings
from storage.errors import LoginRefused, LoginUnavailable
from storage.people import logins as logins_module
from storage.people import passwords
from storage.people.directory import Directory
from storage.people.logins import Logins
from tests.house import put

T = TypeVar("T")
TARO = "taro@example.test"
HASH = passwords.hash_password("correct horse")


class Clock:
    """Stands still after all that the kernel dates now, so every file has settled; at 0 none has."""

    def __init__(self) -> None:
        self.start = time.time() - 1000
        self.ahead = 100_000.0

    def __call__(self) -> float:
        return self.start + self.ahead


class House:
    """One domain, and the logins of one process."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock, self.hops = root, Clock(), 0
        self.settings = cast(
            Settings,
            SimpleNamespace(
                data=root / "data",
                domains=root / "domains",
                operators=(),
                default_domain="example.test",
                auth=Auth(),
            ),
        )
        (root / "domains/example.test/accounts").mkdir(parents=True)
        (root / "domains/example.test/domain.yaml").write_text("")
        self.write("taro", f'password: "{HASH}"\naliases: [taro.yamada]\n')
        self.directory = Directory(self.settings, self.clock)
        self.logins = Logins(self.settings, self.directory, self.run, self.clock)

    async def run(self, fn: Callable[..., T], *args: Any) -> T:
        self.hops += 1
        return await asyncio.get_running_loop().run_in_executor(None, fn, *args)

    def write(self, local: str, text: str) -> None:
        path = self.root / f"domains/example.test/accounts/{local}.yaml"
        put(path, text)

    async def login(self, login: str = TARO, password: str = "correct horse", peer: str = "192.0.2.7") -> str:
        return await self.logins.check(login, password, peer=peer, protocol="imap", trace="t1")

    async def refused(self, login: str = TARO, password: str = "wrong", peer: str = "192.0.2.7") -> str:
        with pytest.raises(LoginRefused) as raised:
            await self.login(login, password, peer)
        return str(raised.value)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.logins.close()
    house.directory.close()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed with."""
    hashes: list[str] = []
    real = passwords.verify

    def verify(stored: str, password: str) -> bool:
        hashes.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", verify)
    return hashes


@pytest.mark.parametrize(
    "login", [TARO, "TARO@Example.TEST", "taro%example.test", "Taro", "taro.yamada@example.test", " taro "]
)
async def test_every_form_of_the_login_name_is_the_account(house: House, login: str) -> None:
    assert await house.login(login) == TARO


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (TARO, "wrong"),
        (TARO, ""),
        (TARO, "correct hors"),
        ("nobody@example.test", "correct horse"),
        ("taro@elsewhere.test", "correct horse"),
        ("taro+x@example.test", "correct horse"),
        ("nologin@example.test", ""),
        ("nologin@example.test", "x"),
        ("stopped@example.test", "correct horse"),
        ("", ""),
        ("\udcff", "x"),
        ("no address at all", "x"),
        ("../taro@example.test", "correct horse"),
        ("x" * 100_000, "x"),
    ],
)
async def test_a_refusal_costs_one_hash_whatever_its_reason(
    house: House, tried: list[str], login: str, password: str
) -> None:
    house.write("nologin", "quota: 1G\n")
    house.write("stopped", f'password: "{HASH}"\nsuspended: true\n')
    await house.refused(login, password)
    assert len(tried) == 1


async def test_a_right_password_is_remembered_for_ten_minutes(house: House, tried: list[str]) -> None:
    for _ in range(5):
        await house.login()
    assert len(tried) == 1
    house.clock.ahead += 601
    await house.login()
    assert len(tried) == 2
    await house.refused()
    await house.refused()
    assert len(tried) == 4


async def test_what_is_remembered_is_forgotten_when_the_file_changes(house: House, tried: list[str]) -> None:
    await house.login()
    house.write("taro", f'password: "{HASH}"\ncomment: touched\n')
    await house.login()
    assert len(tried) == 2
    house.write("taro", f'password: "{HASH}"\nsuspended: true\n')
    assert await house.refused(password="correct horse") == "suspended"
    house.write("taro", f'password: "{passwords.hash_password("another")}"\n')
    await house.refused(password="correct horse")
    assert await house.login(password="another") == TARO


async def test_no_password_stays_in_memory_in_clear(house: House) -> None:
    await house.login()
    assert len(house.logins._remembered) == 1
    (mark,) = house.logins._remembered
    assert len(mark) == 32
    assert b"correct horse" not in mark


async def test_at_most_two_hashes_at_once_and_one_for_a_program_with_five_connections(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, calls = 0, 0, 0
    mutex, together = threading.Lock(), threading.Barrier(2)

    def verify(stored: str, password: str) -> bool:
        nonlocal running, most, calls
        with mutex:
            running, calls = running + 1, calls + 1
            most = max(most, running)
        together.wait(60)
        with mutex:
            running -= 1
        return password == "correct horse"

    monkeypatch.setattr(passwords, "verify", verify)
    assert await asyncio.gather(*(house.login() for _ in range(5))) == [TARO] * 5
    assert (most, calls) == (2, 2)
    await asyncio.gather(*(house.refused(password=f"wrong{number}") for number in range(6)))
    assert (most, calls) == (2, 8)


async def test_a_flood_of_checks_is_a_temporary_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins_module, "MOST_WAITING", 0)
    with pytest.raises(LoginUnavailable):
        await house.login()


async def test_a_broken_file_is_a_temporary_failure(house: House) -> None:
    house.write("new", "password: [\n")
    with pytest.raises(LoginUnavailable):
        await house.login("new@example.test", "x")
    await house.login()
    house.write("taro", "password: [\n")
    assert await house.login() == TARO  # its last good content


async def test_app_passwords(house: House, tried: list[str]) -> None:
    shown, kept = passwords.new_app_password()
    house.write("taro", f'password: "{HASH}"\napp_passwords: [{{name: phone, sha256: {kept}}}]\n')
    assert await house.login(password=shown) == TARO
    assert await house.login(password="correct horse") == TARO
    house.write("taro", f'password: "{HASH}"\n')
    await house.refused(password=shown)


async def test_an_app_password_changes_no_account_also_where_it_is_remembered(
    house: House, tried: list[str]
) -> None:
    shown, kept = passwords.new_app_password()
    house.write("taro", f'password: "{HASH}"\napp_passwords: [{{name: phone, sha256: {kept}}}]\n')
    for _ in range(2):
        assert await house.login(password=shown) == TARO
        with pytest.raises(LoginRefused):
            await house.logins.check(TARO, shown, peer="192.0.2.7", protocol="web", trace="t1", apps=False)
    password = {"password": "correct horse", "peer": "192.0.2.7", "protocol": "web", "trace": "t1"}
    assert await house.logins.check(TARO, **password, apps=False) == TARO


async def test_a_plain_password_works_before_and_after_it_was_hashed(house: House, tmp_path: Path) -> None:
    path = tmp_path / "domains/example.test/accounts/new.yaml"
    house.clock.ahead = 0
    path.write_text("password: {plain: battery staple}\n")
    assert await house.login("new", "battery staple") == "new@example.test"
    await house.refused("new", "battery")
    assert "plain" in path.read_text()
    house.clock.ahead = 100_000
    assert await house.login("new", "battery staple") == "new@example.test"
    assert "plain" not in path.read_text()


async def test_ten_wrong_passwords_lock_and_the_peer_hears_the_same(
    house: House, tried: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(10):
        await house.refused(password=f"guess{number}")
    tried.clear()
    assert await house.refused(password="correct horse") == "locked"
    assert tried == []
    assert await house.login(peer="198.51.100.9") == TARO
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert told.count("login.refused") == 10
    assert told.count("login.locked") == 1
    assert not any("guess" in str(record.__dict__) for record in caplog.records)
    house.clock.ahead += 901
    assert await house.login() == TARO


async def test_aliases_and_names_of_nobody_are_counted_under_one_name(house: House) -> None:
    for number in range(5):
        await house.refused("taro.yamada", f"guess{number}")
        await house.refused(TARO, f"other{number}")
    assert await house.refused(password="correct horse") == "locked"
    for number in range(10):
        await house.refused("Nobody@example.test" if number % 2 else "nobody", f"guess{number}")
    assert await house.refused("nobody@example.test") == "locked"


async def test_a_phone_with_an_old_password_does_not_lock_its_owner_out(house: House) -> None:
    for _ in range(30):
        await house.refused(password="last year's")
    assert await house.login() == TARO


async def test_new_settings_are_in_force_at_once(house: House) -> None:
    house.logins.settings = cast(
        Settings,
        SimpleNamespace(**{**vars(house.settings), "auth": Auth(lock_after=2), "default_domain": None}),
    )
    await house.refused("taro", "correct horse")
    await house.refused(password="a")
    await house.refused(password="b")
    assert await house.refused(password="correct horse") == "locked"


async def test_a_full_disk_stops_the_counts_not_the_mail(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    state = house.root / "data/state"
    state.mkdir(parents=True)
    (state / "logins.sqlite").mkdir()  # nothing can be opened there
    assert await house.login() == TARO
    await house.refused()
    assert any(record.message == "login.state" for record in caplog.records)


async def test_a_login_that_is_remembered_costs_one_hop(house: House) -> None:
    await house.login()
    house.hops = 0
    await house.login()
    assert house.hops == 1


# SCRAM-SHA-256

PEER: dict[str, Any] = {"peer": "192.0.2.1", "protocol": "smtp", "trace": "t"}


@pytest.fixture
def keyed(house: House) -> passwords.ScramKey:
    text = passwords.scram_sha_256_key("correct horse", iterations=4096)
    house.write("taro", f'password: "{HASH}"\nscram_sha_256: "{text}"\naliases: [taro.yamada]\n')
    return passwords.parse_scram_key(text)


async def test_scram_key_of_every_name_of_an_account(house: House, keyed: passwords.ScramKey) -> None:
    for name in (TARO, "TARO", "taro.yamada"):
        assert await house.logins.scram_key(name, **PEER) == keyed
    assert await house.logins.proved("taro.yamada", keyed, True, **PEER) == TARO


@pytest.mark.parametrize("name", ["nobody@example.test", "taro@elsewhere.test", "\0", ""])
async def test_who_is_nobody_has_a_salt_that_stays(house: House, name: str) -> None:
    one, other = await house.logins.scram_key(name, **PEER), await house.logins.scram_key(name, **PEER)
    assert (one.salt, one.iterations) == (other.salt, other.iterations)
    assert len(one.salt) == 16
    assert one.stored_key != other.stored_key
    with pytest.raises(LoginRefused):
        await house.logins.proved(name, one, True, **PEER)


async def test_two_names_of_nobody_have_two_salts(house: House) -> None:
    one = await house.logins.scram_key("ichiro@example.test", **PEER)
    assert one.salt != (await house.logins.scram_key("jiro@example.test", **PEER)).salt
    # as those of an account without a key
    assert (await house.logins.scram_key(TARO, **PEER)).iterations == one.iterations


async def test_wrong_proofs_lock_as_wrong_passwords_do(house: House, keyed: passwords.ScramKey) -> None:
    for _ in range(house.settings.auth.lock_after):
        with pytest.raises(LoginRefused, match="wrong proof"):
            await house.logins.proved(TARO, keyed, False, **PEER)
    with pytest.raises(LoginRefused, match="locked"):
        await house.logins.proved(TARO, keyed, True, **PEER)
    assert await house.logins.proved(TARO, keyed, True, **{**PEER, "peer": "198.51.100.1"}) == TARO


async def test_a_password_changed_in_between_is_not_proved(house: House, keyed: passwords.ScramKey) -> None:
    other = passwords.scram_sha_256_key("another", iterations=4096)
    house.write("taro", f'password: "{HASH}"\nscram_sha_256: "{other}"\n')
    with pytest.raises(LoginRefused):
        await house.logins.proved(TARO, keyed, True, **PEER)


async def test_no_scram_for_an_account_that_is_suspended_or_has_no_password(house: House) -> None:
    text = passwords.scram_sha_256_key("correct horse", iterations=4096)
    house.write("taro", f'password: "{HASH}"\nscram_sha_256: "{text}"\nsuspended: true\n')
    with pytest.raises(LoginRefused, match="suspended"):
        await house.logins.proved(TARO, passwords.parse_scram_key(text), True, **PEER)
    house.write("taro", f'scram_sha_256: "{text}"\n')
    assert await house.logins.scram_key(TARO, **PEER) != passwords.parse_scram_key(text)

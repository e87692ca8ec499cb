"""Hashes that other mail servers made (`doveadm pw`, /etc/shadow), and what becomes of them at a login."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from config.account import AccountFile
from config.load import load_account
from config.problem import ConfigError
from config.settings import Auth, Settings
from storage.errors import LoginRefused
from storage.people import brought, passwords
from storage.people.directory import Directory
from storage.people.logins import Logins

T = TypeVar("T")
TARO = "taro@example.test"
PASSWORD = "pässword Ω7"
HASHES = [
    "{SHA512-CRYPT}$6$yN1R7XPw0KsmZ6B2$ILe2t05jx0oROslHoFStg2fZbB5wQSF83mZC0r8lT/K.0bZMt1pWg60Vi4LuLj9wE8jH0YGc/d"
    ".P/IZ.N8TzW.",
    "{SHA256-CRYPT}$5$lxTz7j5Xen/BvjWm$i2l.xFF3W7eKJOYnNWdWovqacBRuyckqYrddY3.jF84",
    "{CRYPT}$5$lxTz7j5Xen/BvjWm$i2l.xFF3W7eKJOYnNWdWovqacBRuyckqYrddY3.jF84",
    "$5$lxTz7j5Xen/BvjWm$i2l.xFF3W7eKJOYnNWdWovqacBRuyckqYrddY3.jF84",
    "{BLF-CRYPT}$2y$05$miNvi8n0JKgZCEcgEYkcbugSPalgfBWBp2oohqsEpbR49PP0l4ZdG",
    "{SSHA}IQl6He6ZFk9rTn1gqJDxAf1upngGTWkb",
    "{SSHA256}aTLxekBLrekvakWMnAt4pPnnX2fhHcTtoinpk63dlUCiHZL9",
    "{SSHA512}xgOPPT71l2yoQIOhutMxV6lIKdTCJnOO4tEWW2kVRr3EKvAw7I4T5ckWyQN3k1TsHu3Y8cgJ5cyWEQJQ7nWWxwENk+k=",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$J2Yf83TEmBsjPZv1JBeQ+g$yfZbu8vdCz4+LEuOX/xBcc+CdELkQ8nu+CQiay0dNF0",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$rPhXZDwxMH7hWPRJSYsW.ptyhE160kxhktwzIhb73g0",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "domains/example.test/accounts").mkdir(parents=True)
    (tmp_path / "domains/example.test/domain.yaml").write_text("")
    return tmp_path


@pytest.fixture
def logins(root: Path) -> Iterator[Logins]:
    settings = cast(
        Settings,
        SimpleNamespace(
            data=root / "data", domains=root / "domains", operators=(), default_domain=None, auth=Auth()
        ),
    )
    directory = Directory(settings)
    logins = Logins(settings, directory, _run)
    yield logins
    logins.close()
    directory.close()


async def _run(fn: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, fn, *args)


def written(root: Path, text: str) -> Path:
    path = root / "domains/example.test/accounts/taro.yaml"
    path.with_name(".taro").write_text(text)
    path.with_name(".taro").rename(path)
    return path


async def login(logins: Logins, password: str) -> str:
    return await logins.check(TARO, password, peer="192.0.2.7", protocol="imap", trace="t1")


@pytest.mark.parametrize("stored", HASHES, ids=lambda stored: stored[:14])
def test_each_form_is_tried_as_its_maker_would(stored: str) -> None:
    assert AccountFile(password=stored).password == stored
    assert brought.is_brought(stored)
    assert brought.verify(stored, PASSWORD)
    for wrong in (
        "",
        "pässword",
        "password Ω7",
        PASSWORD + "\0",
        PASSWORD + "\0more",
        "x" * 100_000,
        "\udcff",
    ):
        assert not brought.verify(stored, wrong)


@pytest.mark.parametrize(
    "stored",
    [
        "secret",
        "{PLAIN}secret",
        "{MD5-CRYPT}$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "ab01FAX.bQRSU",
        "{SHA512-CRYPT}$6$salt$short",
        "$6$rounds=99999999$salt$" + "x" * 86,
        "$2y$31$" + "x" * 53,
        "IQl6He6ZFk9rTn1gqJDxAf1upngGTWkb",
        "{SSHA}",
        HASHES[0] + "\n",
    ],
)
def test_what_is_weak_or_costs_too_much_is_an_error_that_does_not_repeat_it(root: Path, stored: str) -> None:
    path = written(root, "")
    path.write_text(
        f"quota: 5G\npassword: {stored!r}\n" if "\n" not in stored else f'password: "{stored[:-1]}\\n"\n'
    )
    with pytest.raises(ConfigError) as raised:
        load_account(path)
    assert "password: is no argon2id hash" in str(raised.value)
    assert stored not in str(raised.value)


async def test_the_first_right_password_puts_ours_in_its_place(root: Path, logins: Logins) -> None:
    path = written(root, f'# of the old server\npassword: "{HASHES[0]}"\nquota: 5G # much\n')
    with pytest.raises(LoginRefused):
        await login(logins, "wrong")
    assert HASHES[0] in path.read_text()
    assert await login(logins, PASSWORD) == TARO
    text = path.read_text()
    assert text.startswith('# of the old server\npassword: "$argon2id$') or "$argon2id$" in text
    assert HASHES[0] not in text
    assert "# of the old server" in text
    assert "# much" in text
    account = load_account(path)
    assert isinstance(account.password, str)
    assert passwords.verify(account.password, PASSWORD)
    assert account.scram_sha_256 is not None
    assert await login(logins, PASSWORD) == TARO


async def test_an_app_password_is_not_made_the_account_s(root: Path, logins: Logins) -> None:
    shown, kept = passwords.new_app_password()
    path = written(root, f'password: "{HASHES[1]}"\napp_passwords: [{{name: phone, sha256: {kept}}}]\n')
    assert await login(logins, shown) == TARO
    assert HASHES[1] in path.read_text()


async def test_a_file_changed_meanwhile_is_left_as_it_is(root: Path, logins: Logins) -> None:
    path = written(root, f'password: "{HASHES[1]}"\n')
    directory = logins._directory
    entry = directory.account(TARO)
    assert entry is not None
    path = written(root, f'password: "{HASHES[4]}"\n')
    logins._hash_anew(entry, HASHES[1], PASSWORD)
    assert path.read_text() == f'password: "{HASHES[4]}"\n'

"""What the tests of this folder share: a clock, a store's settings, an account looked at from outside."""

from pathlib import Path

from config.settings import Settings
from storage.layout import account_dir, folder_name

TARO = "taro@example.test"
HANAKO = "hanako@example.test"
NONE: frozenset[str] = frozenset()


class Clock:
    """Goes on by a millisecond with each look, and can be set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def settings_at(folder: Path) -> Settings:
    for name in ("data", "run", "domains"):
        (folder / name).mkdir(exist_ok=True)
    return Settings(
        hostname="mail.example.test", data=folder / "data", run=folder / "run", domains=folder / "domains"
    )


def folder_of(data: Path, mailbox: str = "INBOX", address: str = TARO) -> Path:
    return account_dir(data, address) / "Maildir" / folder_name(mailbox)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for place in ("new", "cur") for path in (folder / place).iterdir())


def lose_index(data: Path, address: str = TARO) -> None:
    """As somebody would who tidies up: the index alone; its log and its shared memory stay or go."""
    (account_dir(data, address) / "index.sqlite").unlink(missing_ok=True)

"""One account without a Store around it: what a round of arrivals asks of a Store, for tests of the files alone."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from storage.account_files import AccountFiles
from storage.appending import Appended, Appending
from storage.quota import Limits
from storage.rounds import store_now


class Alone:
    def __init__(self, files: AccountFiles, limits: Limits) -> None:
        self._files = files
        self._limits = limits
        self.clock = files.clock
        self.settings = SimpleNamespace(data=Path(files.data))

    def limits(self, _: str) -> Limits:
        return self._limits

    @contextlib.contextmanager
    def files(self, _: str) -> Iterator[AccountFiles]:
        yield self._files

    def publish(self, account: str, mailbox: str, modseq: int) -> None:
        pass


def append(
    files: AccountFiles, name: str, messages: Sequence[Appended], limits: Limits | None = None
) -> list[int]:
    """APPEND in this thread; the UIDs. Raises as `Account.append` does."""
    appending = Appending(files.address, name, messages)
    store_now(Alone(files, limits or Limits()), appending)  # type: ignore[arg-type]
    return appending.outcome()[1]

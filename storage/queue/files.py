"""The message files of the queue, and what a crash leaves of files and rows that lost each other.

A message is one file `<data>/queue/<queue id>.eml` if it is large or has been there for a while; else its octets
lie beside its rows (`storage.queue.young`). A crash may leave a file without rows: before they were written, or
after they were deleted. Nobody was told that it was taken, or it is done: it is removed after `GRACE`, which
protects a file whose rows another process is about to write. Rows without a file or octets come from outside
only: they are logged and held. Files whose queue.sqlite is gone are no waste: they are put aside in `lost/`.

A long queue is gone through in pieces, so that the memory that takes does not grow with it.
"""

import contextlib
import itertools
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage import durable
from storage.message import Message
from storage.queue.db import QueueDatabase

SUFFIX = ".eml"
UNFINISHED = ".new"
GRACE = 3600  # seconds a file without rows is left alone
PIECE = 2000  # messages looked at together

logger = logging.getLogger("storage.queue.queue")


class QueueFiles:
    """The folder of a queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, queue_id: str) -> Path:
        return self.folder / (queue_id + SUFFIX)

    def message(self, queue_id: str, small: int = 0) -> Message:
        """Raises FileNotFoundError."""
        name = f"{self.folder}/{queue_id}{SUFFIX}"
        if small <= 0:
            return Message(Path(name), os.stat(name).st_size)
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(fd).st_size
            octets = os.read(fd, size) if size <= small else b""
        finally:
            os.close(fd)
        return Message.of(octets) if octets and len(octets) == size else Message(Path(name), size)

    def remove(self, queue_ids: Sequence[str]) -> None:
        """Of messages whose rows are gone."""
        for queue_id in queue_ids:
            self.path(queue_id).unlink(missing_ok=True)

    def grown(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Files of messages that had none: whole and durable, names too. Two processes may do so at once."""
        names = {
            queue_id: f"{self.folder}/{queue_id}.{secrets.token_hex(4)}{UNFINISHED}"
            for queue_id, _ in messages
        }
        try:
            with contextlib.ExitStack() as stack:
                fds = []
                for queue_id, octets in messages:
                    fds.append(
                        os.open(names[queue_id], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                    )
                    stack.callback(os.close, fds[-1])
                    Message.of(octets).write_to(fds[-1])
                durable.sync_files(fds)
            for queue_id, name in names.items():
                os.rename(name, self.path(queue_id))
        except BaseException:
            for name in names.values():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
            raise
        durable.sync_dir(self.folder)

    @contextmanager
    def written(self, messages: Sequence[tuple[str, Message]]) -> Iterator[None]:
        """The files, durable but for their names, around the transaction of their rows; gone if that fails."""
        made: list[Path] = []
        try:
            with contextlib.ExitStack() as stack:
                fds = []
                for queue_id, message in messages:
                    path = self.path(queue_id)
                    fds.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                    stack.callback(os.close, fds[-1])
                    made.append(path)
                    message.write_to(fds[-1])
                durable.sync_files(fds)
            yield
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            raise

    def put_aside(self) -> None:
        """The tables are new: if there are files, queue.sqlite was lost and they have no envelope."""
        lost = self.folder / "lost"
        for name in self._names():
            lost.mkdir(mode=0o700, exist_ok=True)
            os.replace(self.folder / name, lost / name)
            _log(logging.ERROR, "queue.envelope_lost", file=lost / name)

    def recover(
        self, database: QueueDatabase, hold_missing: Callable[[str], None], wall: float, grace: int
    ) -> None:
        """Bring files and rows together: run once when a runner starts. Others may use the queue meanwhile."""
        self._remove_unfinished(wall - grace)
        for names in _pieces(self._names()):
            self._orphans(database, names, wall - grace)
        for queue_ids in _known(database):
            for queue_id in queue_ids:
                # a Path for each would cost more than all else here
                if not os.path.exists(f"{self.folder}/{queue_id}{SUFFIX}"):
                    hold_missing(queue_id)

    def _orphans(self, database: QueueDatabase, names: Sequence[str], before: float) -> None:
        ids = json.dumps([name.removesuffix(SUFFIX) for name in names])
        unknown = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM message)"
        with database.reading() as db:
            found = [row[0] for row in db.execute(unknown, (ids,))]
        for queue_id in found:
            path = self.path(queue_id)
            try:
                if path.stat().st_mtime > before:
                    continue
            except FileNotFoundError:
                continue
            with database.reading() as db:  # it may have got its rows since the list was made
                if db.execute("SELECT 1 FROM message WHERE id = ?", (queue_id,)).fetchone() is not None:
                    continue
            _log(logging.WARNING, "queue.orphan_removed", file=path.name)
            path.unlink(missing_ok=True)

    def _remove_unfinished(self, before: float) -> None:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(UNFINISHED):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.stat().st_mtime <= before:
                            os.unlink(entry.path)

    def _names(self) -> Iterator[str]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    yield entry.name


def _known(database: QueueDatabase) -> Iterator[list[str]]:
    """The queue ids of all that should be files, in pieces, each from a short transaction."""
    last = ""
    while True:
        with database.reading() as db:
            rows = db.execute(
                """SELECT id FROM message WHERE id > ? AND id NOT IN (SELECT id FROM young) ORDER BY id LIMIT ?""",
                (last, PIECE),
            ).fetchall()
        if not rows:
            return
        yield [row[0] for row in rows]
        last = rows[-1][0]


def _pieces(names: Iterator[str]) -> Iterator[list[str]]:
    while piece := list(itertools.islice(names, PIECE)):
        yield piece


def _log(level: int, event: str, **fields: object) -> None:
    logger.log(level, event, extra={"fields": fields})

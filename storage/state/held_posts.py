"""Posts to moderated lists, kept until the owner has decided: `<data>/held/<token>.eml` and `<token>.json`.

A post is held when both files are on the disk, the message first. Who decides claims it: a lock on the second
file, which one has at a time and the kernel frees on death, so that what was decided twice at once is done once,
and what a crash cut off can be decided again. The token is the right to decide: it is random, is told to the
owner alone, and names a file.
"""

import fcntl
import json
import logging
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage import durable
from storage.message import Message

KEPT = 30 * 86_400  # seconds that an owner has
_TOKEN = re.compile(r"[a-z2-7]{26}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"

logger = logging.getLogger("storage.state.held_posts")


@dataclass(frozen=True, slots=True)
class HeldPost:
    """What is known of a post besides its octets."""

    list: str  # the list's address
    reverse_path: str
    author: str
    subject: str
    trace: str
    at: float
    smtputf8: bool = False
    results: Sequence[Sequence[Any]] = ()  # what the checks found, for the seal: the fields of each result


@dataclass(frozen=True, slots=True)
class Claim:
    """A post in the hands of who decides: then `done`, or `release` if it could not be carried out."""

    post: HeldPost
    message: Message
    _fd: int
    _path: Path
    _text: Path

    def done(self) -> None:
        self._path.unlink(missing_ok=True)
        self._text.unlink(missing_ok=True)
        durable.sync_dir(self._path.parent)
        os.close(self._fd)

    def release(self) -> None:
        os.close(self._fd)


class HeldPosts:
    """Blocks on the disk: for threads."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "held"

    def hold(self, message: Message, post: HeldPost) -> str:
        """Keep a post; durable when this returns its token. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        token = "".join(secrets.choice(_LETTERS) for _ in range(26))
        path = self._folder / f"{token}.eml"
        known = self._folder / f"{token}.json"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                message.write_to(fd)
                os.fsync(fd)
            finally:
                os.close(fd)
            durable.write_json(known, asdict(post))
            durable.sync_dir(self._folder.parent)  # who made the folder may have died before he did this
        except BaseException:
            known.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return token

    def find(self, token: str) -> HeldPost | None:
        """The post that waits under a token."""
        if not _TOKEN.fullmatch(token) or not (self._folder / f"{token}.eml").exists():
            return None
        try:
            known = json.loads((self._folder / f"{token}.json").read_bytes())
            return HeldPost(**{**known, "results": tuple(known.get("results", ()))})
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return None

    def message(self, token: str) -> Message | None:
        """The octets of a post that waits, to look at."""
        if self.find(token) is None:
            return None
        text = self._folder / f"{token}.eml"
        try:
            return Message(text, text.stat().st_size)
        except FileNotFoundError:
            return None

    def waiting(self, address: str) -> dict[str, HeldPost]:
        """All posts to a list that wait, by their tokens, the oldest first."""
        posts = {token: post for token, post in self._all() if post.list == address}
        return dict(sorted(posts.items(), key=lambda item: item[1].at))

    def counts(self, domain: str) -> dict[str, int]:
        """How many wait at each list of a domain at which any do."""
        return dict(Counter(post.list for _, post in self._all() if post.list.endswith(f"@{domain}")))

    def _all(self) -> Iterator[tuple[str, HeldPost]]:
        for path in self._folder.glob("*.json"):
            post = self.find(path.stem)
            if post is not None:
                yield path.stem, post

    def claim(self, token: str) -> "Claim | None":
        """The post for whoever decides; None if there is none, or another is deciding just now."""
        if self.find(token) is None:
            return None
        path = self._folder / f"{token}.json"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            post = self.find(token)  # the one before may have decided by now
            if post is None:
                raise FileNotFoundError(path)
            text = self._folder / f"{token}.eml"
            return Claim(post, Message(text, text.stat().st_size), fd, path, text)
        except (BlockingIOError, FileNotFoundError):
            os.close(fd)
            return None


def expire(data: Path, now: float) -> None:
    """Forget what nobody has decided in time."""
    try:
        entries = list(os.scandir(data / "held"))
    except FileNotFoundError:
        return
    for entry in entries:
        with suppress(FileNotFoundError):
            if entry.stat().st_mtime < now - KEPT:
                logger.warning("list.held_expired", extra={"fields": {"file": entry.name}})
                os.unlink(entry.path)

r"""What one client was told of its selected mailbox, and what it has to be told next.

The mailbox is one loaded state that all sessions of the process share; it moves on when anybody changes
something. A client's message sequence numbers must not move under its commands, so the view keeps the tuple
of UIDs as announced (the shared snapshot itself, as long as nobody has to be spared an EXPUNGE) and learns
the rest from `Mailbox.changes_since` (the only way to learn what changed).

Invariants:
- `uids` is ascending; position + 1 is the message sequence number that this client uses.
- A UID leaves `uids` in the step that writes its EXPUNGE, and enters it in the step that writes EXISTS.
- EXPUNGE is written only when the caller says that it may be (RFC 9051 §7.5.1); until then `_hidden`
  keeps the UIDs that are gone in truth.
- \Recent (RFC 3501 §2.3.2) is what lies at or above `first_recent`: what came since this session looked first,
  and before it since the last one that looked. Where two sessions see a message come, it is recent in both.
- `modseq` is the state up to which everything is told or hidden; it never goes back.

Nothing here waits: `updates` is one step of the event loop, so no change can fall between its lines.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence, Set
from itertools import chain

from imap import flags
from imap.manner import Manner
from imap.place import Place
from imap.sequence import NOTHING, SequenceSet, Span, compact
from storage.columns import Part
from storage.rows import Row
from storage.selected import Mailbox

NOBODY: Set[int] = frozenset()  # one for all: an empty set takes more room than a view


class View:
    """A selected mailbox as its client knows it."""

    __slots__ = (
        "_hidden", "_told", "_unclaimed", "first_recent", "keywords", "mailbox", "modseq", "place", "saved",
        "uids", "writable",
    )  # fmt: skip

    def __init__(self, mailbox: Mailbox, writable: bool, first_recent: int, place: Place) -> None:
        self.mailbox = mailbox
        self.place = place  # whose it is, and what may be done in it
        self.writable = writable
        self.uids: tuple[int, ...] = mailbox.uids
        self.modseq: int = mailbox.modseq
        self.keywords: tuple[str, ...] = mailbox.keywords
        self.first_recent = first_recent  # UIDs from here on are \Recent in this session
        self.saved = NOTHING  # UIDs: what `$` stands for (RFC 9051 §6.4.4.1)
        self._hidden = NOBODY
        self._told: dict[int, int] = {}
        self._unclaimed = False

    @classmethod
    async def open(cls, mailbox: Mailbox, writable: bool, place: Place) -> "View":
        r"""A view of the mailbox as it is now. Messages that no session was shown before are \Recent in this."""
        first = mailbox.first_recent
        if writable and first < mailbox.uidnext:
            try:
                first = await mailbox.claim_recent()
            except BaseException:
                mailbox.release()
                raise
        return cls(mailbox, writable, first, place)

    async def close(self) -> None:
        r"""Let go of the mailbox. What came while it was selected has been shown as \Recent."""
        try:
            if self._unclaimed and self.writable and not self.mailbox.gone:
                await self.mailbox.claim_recent()
        finally:
            self.mailbox.release()

    @property
    def moved(self) -> bool:
        """Whether there may be something to tell."""
        return self.mailbox.modseq != self.modseq or bool(self._hidden)

    def knows_all_but(self, gone: Sequence[int]) -> bool:
        """Whether the client knows the mailbox as it is, but for these that went."""
        changes = self.mailbox.changes_since(self.modseq, self.uids)
        return not changes.arrived and not changes.changed and {*changes.gone, *self._hidden} <= set(gone)

    def number(self, uid: int) -> int:
        """The message sequence number of a UID that the client knows; 0 where it does not."""
        at = bisect_left(self.uids, uid)
        return at + 1 if at < len(self.uids) and self.uids[at] == uid else 0

    def spans(self, messages: SequenceSet, by_uid: bool) -> list[Span]:
        """Where the messages of a set stand. Raises `sequence.OutOfRange`."""
        if messages.saved:
            return self.saved.uids(self.uids)
        return messages.uids(self.uids) if by_uid else messages.numbers(len(self.uids))

    def count_recent(self) -> int:
        return len(self.uids) - bisect_left(self.uids, self.first_recent)

    def told(self, shown: Iterable[tuple[int, int]]) -> None:
        """The client has just been shown the flags of these, by UID and MODSEQ: the next update leaves them out."""
        self._told.update(shown)

    def updates(self, expunge: bool, manner: Manner, uid: bool = False) -> list[bytes]:
        """The untagged responses that bring the client up to date (RFC 9051 §7.4.1, §7.5.1, §7.5.2).

        `expunge`: EXPUNGE may be sent now. `manner`: how this client is told.
        `uid`: FETCH carries UID, as after a UID command (RFC 9051 §6.4.9).
        """
        if not self.moved:
            self._told.clear()
            return []
        changes = self.mailbox.changes_since(self.modseq, self.uids)
        out: list[bytes] = []
        if changes.gone or self._hidden:
            self._leave(changes.gone, expunge, manner, out)
        if changes.arrived:
            self._arrive(changes.arrived, manner, out)
        if not self._hidden:
            self.uids = self.mailbox.uids  # the shared tuple again: equal, and it costs no memory
        self.keywords_changed(out)
        if changes.changed:
            self._changed(changes.changed, manner, uid, out)
        self.modseq = changes.modseq
        self._told.clear()
        return out

    def keywords_changed(self, out: list[bytes]) -> None:
        """FLAGS and PERMANENTFLAGS, where the mailbox has new keywords: before any FETCH that shows them."""
        if self.mailbox.keywords == self.keywords:
            return
        self.keywords = self.mailbox.keywords
        out.append(b"* FLAGS (%b)\r\n" % flags.defined(self.keywords))
        out.append(self.permanent_flags())

    def permanent_flags(self) -> bytes:
        """RFC 9051 §7.1: `\\*` while the mailbox still takes new keywords; RFC 4314 §5.1.1: what may be changed."""
        if not self.writable:
            return b"* OK [PERMANENTFLAGS ()] Read-only\r\n"
        more = b" \\*" if not self.mailbox.keywords_full and self.place.may("w") else b""
        kept = flags.permitted(flags.known(self.keywords), self.place.rights)
        return b"* OK [PERMANENTFLAGS (%b%b)] Kept\r\n" % (b" ".join(flags.wire(kept)), more)

    def _leave(self, gone: tuple[int, ...], expunge: bool, manner: Manner, out: list[bytes]) -> None:
        known = self._hidden | {uid for uid in gone if self.number(uid)}
        if not expunge:
            self._hidden = known
            return
        if known and manner.vanished:  # RFC 7162 §3.2.10.2, RFC 9586 §3.5
            out.append(b"* VANISHED %b\r\n" % compact(sorted(known)))
        else:  # The highest first: no number that is still to be named has moved by then.
            out += [b"* %d EXPUNGE\r\n" % self.number(uid) for uid in sorted(known, reverse=True)]
        if known:
            self.uids = tuple([uid for uid in self.uids if uid not in known])
            self._hidden = NOBODY

    def _arrive(self, arrived: tuple[int, ...], manner: Manner, out: list[bytes]) -> None:
        last = self.uids[-1] if self.uids else 0
        new = tuple(uid for uid in sorted(arrived) if uid > last)
        if not new:
            return
        self.uids += new
        self._unclaimed = True
        out.append(self.exists(manner))

    def exists(self, manner: Manner) -> bytes:
        r"""How many messages there are, and (before RFC 9051, which has no \Recent) how many of them are new."""
        if manner.rev2:
            return b"* %d EXISTS\r\n" % len(self.uids)
        return b"* %d EXISTS\r\n* %d RECENT\r\n" % (len(self.uids), self.count_recent())

    def flags(self, part: Part, manner: Manner) -> Iterable[bytes]:
        """The flags of rows, in order."""
        texts = flags.texts(self.keywords)
        old = len(part) if manner.rev2 else bisect_left(part.uids, self.first_recent)
        if old == len(part):
            return part.flags(texts.__getitem__)
        recent = flags.texts(self.keywords, True)
        return chain(
            part.cut(0, old).flags(texts.__getitem__),
            part.cut(old, len(part)).flags(recent.__getitem__),
        )

    def fetched(self, rows: Sequence[Row], manner: Manner, uid: bool = False) -> list[bytes]:
        """FETCH of the flags of rows, which ascend by UID: unasked for, or as the answer to STORE."""
        lines: list[bytes] = []
        texts = flags.texts(self.keywords)
        recent = texts if manner.rev2 else flags.texts(self.keywords, True)
        for row in rows:
            text = (recent if row.uid >= self.first_recent else texts)[row.flags]
            more = b" MODSEQ (%d)" % row.modseq if manner.modseq else b""
            if manner.uidonly:  # RFC 9586 §3.3
                lines.append(b"* %d UIDFETCH (FLAGS %b%b)\r\n" % (row.uid, text, more))
                continue
            if uid or manner.qresync:  # RFC 7162 §3.2.4
                more = b" UID %d%b" % (row.uid, more)
            lines.append(b"* %d FETCH (FLAGS %b%b)\r\n" % (self.number(row.uid), text, more))
        return lines

    def _changed(self, changed: tuple[int, ...], manner: Manner, uid: bool, out: list[bytes]) -> None:
        part = self.mailbox.rows.part(changed)
        told = self._told
        untold = {
            one
            for one, modseq in zip(part.uids, part.modseqs, strict=True)
            if told.get(one, 0) < modseq and self.number(one)
        }
        if untold:
            out += self.fetched(part.among(untold).rows(), manner, uid)

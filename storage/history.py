"""What happened lately in a loaded mailbox: which messages came, changed and went, and at which MODSEQ.

A mailbox may be selected for months, and may be one of thousands: little is remembered of each. Who asks for what
is older is told by the rows. In memory, for the event loop.
"""

from collections.abc import Iterable, Sequence

from storage.columns import Columns
from storage.rows import Changes

REMEMBERED = 128  # arrivals, changes and departures each


class History:
    """Of one mailbox, since it was loaded at a MODSEQ."""

    __slots__ = ("_arrived", "_changed", "_expunged", "_remembered")

    def __init__(self, modseq: int) -> None:
        self._remembered = modseq
        # What happened after that, oldest first: (modseq, uid).
        self._arrived: list[tuple[int, int]] = []
        self._changed: list[tuple[int, int]] = []
        self._expunged: list[tuple[int, int]] = []

    def add(self, modseq: int, came: Iterable[int], altered: Iterable[int], gone: Iterable[int]) -> None:
        """The mailbox has moved on."""
        self._arrived += [(modseq, uid) for uid in came]
        self._changed += [(modseq, uid) for uid in altered]
        self._expunged += [(modseq, uid) for uid in gone]
        self._forget()

    def since(self, modseq: int, highest: int, rows: Columns, known: Sequence[int]) -> Changes:
        """What happened after `modseq` and up to `highest`, where the mailbox has come to; UIDs ascend.

        `known`: the UIDs that the asker knew then. Where that time is not remembered the rows tell what came and
        what changed, and what is not among them is gone."""
        if modseq < self._remembered:
            had = set(known)
            arrived = [
                uid
                for uid, born in zip(rows.uids, rows.borns, strict=True)
                if born > modseq and uid not in had
            ]
            # an index that was made anew has all rows as born then
            touched = [
                uid
                for uid, at, born in zip(rows.uids, rows.modseqs, rows.borns, strict=True)
                if at > modseq and (born <= modseq or uid in had)
            ]
            gone = sorted(had.difference(rows.uids))
        else:
            arrived = _after(self._arrived, modseq)
            touched = _after(self._changed, modseq)
            gone = _after(self._expunged, modseq)
        came = set(arrived)
        return Changes(
            tuple(uid for uid in arrived if uid in rows),
            tuple(uid for uid in touched if uid in rows and uid not in came),
            tuple(gone),
            highest,
        )

    def _forget(self) -> None:
        for log in (self._arrived, self._changed, self._expunged):
            if len(log) > REMEMBERED:
                self._remembered = max(self._remembered, log[-1 - REMEMBERED // 2][0])
        for log in (self._arrived, self._changed, self._expunged):
            if log and log[0][0] <= self._remembered:
                log[:] = [(modseq, uid) for modseq, uid in log if modseq > self._remembered]


def _after(log: list[tuple[int, int]], modseq: int) -> list[int]:
    uids = set()
    for at, uid in reversed(log):
        if at <= modseq:
            break
        uids.add(uid)
    return sorted(uids)

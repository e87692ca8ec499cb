"""The trace of what was refused, bounded: a dictionary attack is a line a minute, not a line an address.

The first refusals of a peer in a minute are noted one by one, for they may be somebody's mail. What comes
beyond them is counted, and the count is noted when the minute is over.
"""

import asyncio
from dataclasses import dataclass

from storage.state.traces import Traces
from storage.status import Status

EACH = 10  # refusals of one peer that are noted by themselves
PERIOD = 60.0  # seconds
MOST_PEERS = 2_000  # counted at once; with more of them the period ends


@dataclass(slots=True)
class _Count:
    refused: int = 0
    unnoted: int = 0
    trace: str = ""  # of the last one
    last: Status | None = None


class Refusals:
    """One for each door of a process. For the event loop."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._peers: dict[str, _Count] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(
        self,
        trace: str,
        peer: str,
        status: Status,
        *,
        sender: str = "",
        recipient: str = "",
        account: str = "",
    ) -> None:
        """A sender, a recipient or a whole message was refused."""
        domains = (each.rpartition("@")[2].lower() for each in (recipient, account))
        self._traces.count("refused", [domain for domain in domains if domain])
        count = self._peers.get(peer)
        if count is None:
            if len(self._peers) >= MOST_PEERS:
                self.tell()
            count = self._peers[peer] = _Count()
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(PERIOD, self.tell)
        count.refused += 1
        if count.refused > EACH:
            count.unnoted += 1
            count.trace, count.last = trace, status
            return
        detail = {"account": account} if account else {}
        self._traces.note(
            trace, "refused", peer=peer, status=status, sender=sender, recipient=recipient, detail=detail
        )

    def tell(self) -> None:
        """The minute is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for peer, count in self._peers.items():
            if count.unnoted:
                detail = {"times": str(count.unnoted)}
                self._traces.note(count.trace, "refused", peer=peer, status=count.last, detail=detail)
        self._peers.clear()

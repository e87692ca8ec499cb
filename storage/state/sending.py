"""How much each account has sent, how much it may still send now, and whether its sending is held.

Counted are messages and recipients that were taken, over sliding hours and days (`storage.state.rates`), in a file
of its own: what strangers do at the doors cannot push these counts out. All processes count together, and a message
is counted before it is delivered, so that many connections at once get no more through than one.

*Sudden* is what passes the limit of an hour while all of the day before it was less than that limit: nobody's
habit, and most often a stolen password. So is an account that goes on asking after it was refused, as often
again as it may send. What is sudden gets the account held; a steady sender is only asked to wait.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.sending import SendLimit
from config.units import DAY, HOUR
from storage.state.holds import Hold, Holds
from storage.state.rates import Rates
from storage.status import Status

MESSAGES, RECIPIENTS, REFUSED = "messages", "recipients", "refused"
WINDOWS = (HOUR, DAY)
FRESH = (
    2.0  # seconds for which the room that a message left is believed; whether one is taken is always counted
)
REMEMBERED = 10_000  # accounts


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is reached: which one, when it goes on, and whether it was reached suddenly."""

    kind: str
    window: int
    most: int
    until: float
    sudden: bool

    @property
    def words(self) -> str:
        return f"{self.most} {self.kind} in {'an hour' if self.window == HOUR else 'a day'}"

    def status(self, code: str) -> Status:
        """What the sender is told: the limit, and when to try again."""
        then = time.strftime("%Y-%m-%d %H:%M %z", time.localtime(self.until + 60))
        return Status(code, f"this account may send {self.words}, try again at {then}")


class Sending:
    """The counts and holds of all accounts. Blocks on the disk: for threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rates = Rates(state / "sending", clock)
        self.holds = Holds(state)
        self._left: dict[str, tuple[float, SendLimit, int]] = {}  # by account: when, and of what

    def close(self) -> None:
        self._rates.close()
        self.holds.close()

    def room(self, account: str, limit: SendLimit, *, dry: bool = False) -> int | Full:
        """How many recipients a message may have now; nothing is counted, but with a limit that is reached that
        somebody asked (`dry`: not that either)."""
        at, of, left = self._left.get(account, (0.0, None, 0))
        if left > 0 and of == limit and 0 <= self._clock() - at < FRESH:
            return left
        room = min(limit.recipients_per_hour, limit.recipients_per_day)
        for kind, bounds in _bounds(limit):
            for tally, most in zip(self._rates.add_to_each(kind, account, WINDOWS, 0), bounds, strict=True):
                if tally.total >= most:
                    return self._full(account, kind, tally.window, most, 1, 0 if dry else 1)
                if kind == RECIPIENTS:
                    room = min(room, most - tally.total)
        return room

    def take(self, account: str, recipients: int, limit: SendLimit) -> Full | None:
        """Count a message that is about to be taken; uncounted again where it would pass a limit."""
        amounts = {MESSAGES: 1, RECIPIENTS: recipients}
        counted: list[str] = []
        left = limit.recipients_per_hour
        for kind, bounds in _bounds(limit):
            tallies = self._rates.add_to_each(kind, account, WINDOWS, amounts[kind])
            counted.append(kind)
            for tally, most in zip(tallies, bounds, strict=True):
                if tally.total > most:
                    for back in counted:
                        self._rates.add_to_each(back, account, WINDOWS, -amounts[back])
                    return self._full(account, kind, tally.window, most, amounts[kind])
                left = min(left, most - tally.total) if kind == RECIPIENTS or tally.total == most else left
        if len(self._left) >= REMEMBERED:
            self._left.clear()
        self._left[account] = self._clock(), limit, left
        return None

    def full(self, account: str, limit: SendLimit) -> Full:
        """A message has more recipients than there was room for."""
        tallies = self._rates.add_to_each(RECIPIENTS, account, WINDOWS, 0)
        rows = list(zip(tallies, dict(_bounds(limit))[RECIPIENTS], strict=True))
        tally, most = min(rows, key=lambda row: row[1] - row[0].total)
        return self._full(account, RECIPIENTS, tally.window, most, 1)

    def unhold(self, account: str) -> Hold | None:
        """Let it send again, from nothing; the hold there was."""
        for kind in (MESSAGES, RECIPIENTS, REFUSED):
            for window in WINDOWS:
                self._rates.forget(kind, account, window)
        self._left.pop(account, None)
        return self.holds.release(account)

    def _full(self, account: str, kind: str, window: int, most: int, amount: int, refused: int = 1) -> Full:
        hour, day = self._rates.add_to_each(kind, account, WINDOWS, 0)
        tally = hour if window == HOUR else day
        asked = self._rates.add(REFUSED, account, HOUR, refused).total
        sudden = asked > most or (window == HOUR and day.total - hour.total < most)
        return Full(kind, window, most, tally.falls(max(0, most - amount)), sudden)


def _bounds(limit: SendLimit) -> tuple[tuple[str, tuple[int, int]], ...]:
    """Of each kind the limits within `WINDOWS`."""
    return (
        (MESSAGES, (limit.messages_per_hour, limit.messages_per_day)),
        (RECIPIENTS, (limit.recipients_per_hour, limit.recipients_per_day)),
    )

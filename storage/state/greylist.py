"""What greylisting remembers: who asked to send what to whom, and who came back. `<data>/state/greylist.sqlite`.

An address is known by its network (IPv4 /24, IPv6 /64), because large senders try again from another machine. Who
came back once is known, and is not put off again for as long as it keeps sending. One file for all processes.
"""

import ipaddress
from pathlib import Path

from storage.state.statedb import StateDb

MOST = 1_000_000  # first attempts that are remembered; the oldest go first
_TIDY_EVERY = 500  # new ones between two clean-ups
REFRESH = 3600  # seconds after which a sender's last mail is written down again

_SCHEMA = (
    "CREATE TABLE asked (net TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, at REAL NOT NULL,"
    " PRIMARY KEY (net, sender, recipient)) WITHOUT ROWID;"
    "CREATE INDEX asked_at ON asked (at);"
    "CREATE TABLE known (net TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
)


class Greylist:
    """Blocks on the disk: for threads."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "greylist.sqlite", _SCHEMA)
        self._written = 0

    def close(self) -> None:
        self._db.close()

    def wait(
        self,
        peer: str,
        sender: str,
        recipient: str,
        now: float,
        *,
        delay: int,
        within: int,
        keep: int,
        dry: bool = False,
    ) -> int:
        """Seconds that this peer has to wait before it may send this; 0: it may, and is known from now on.

        It has to come back after `delay` and `within` a time; it stays known for `keep` after its last mail.
        With `dry` it is only looked, and nothing remembered."""
        net = network(peer)
        known = self._db.query("SELECT at FROM known WHERE net = ? AND at > ?", (net, now - keep))
        if known and known[0][0] > now - REFRESH:
            return 0
        with self._db.transaction() as transaction:
            row = transaction.execute(
                "SELECT at FROM asked WHERE net = ? AND sender = ? AND recipient = ?",
                (net, sender, recipient),
            ).fetchone()
            if known or (row is not None and now - within <= row[0] <= now - delay):
                if not dry:
                    transaction.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (net, now))
                    transaction.execute("DELETE FROM asked WHERE net = ?", (net,))
                return 0
            if row is not None and now - delay < row[0] <= now:
                return max(1, int(row[0] + delay - now))
            if dry:
                return delay
            transaction.execute(
                "INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?)", (net, sender, recipient, now)
            )
            self._written += 1
            if self._written % _TIDY_EVERY == 0:
                transaction.execute("DELETE FROM asked WHERE at < ?", (now - within,))
                transaction.execute("DELETE FROM known WHERE at < ?", (now - keep,))
                transaction.execute(
                    "DELETE FROM asked WHERE at <= (SELECT at FROM asked ORDER BY at DESC LIMIT 1 OFFSET ?)",
                    (MOST,),
                )
        return delay


def network(peer: str) -> str:
    """The network that stands for a sender."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))

"""IDLE (RFC 2177): changes are told as they happen, until the client says DONE.

An idle client is its connection, its view and the coroutine that waits for DONE. The mailbox calls
`Session.tell_now` when it has moved on, which writes from within that step of the loop; nothing waits beside
it. A client that does not read is told nothing more until it does: what changed is then told together.
"""

from imap.replies import Bad, Reply, ok
from imap.session import Session
from net.connection import Nudged, TimedOut

STILL_HERE = 120.0  # seconds after which a sign of life keeps NAT boxes and phones from dropping the line
LINE = 1024  # octets in which DONE fits


async def run(session: Session, _: None) -> Reply:
    view = session.view
    session.send(b"+ idling\r\n")
    session.tell_updates(True)
    await session.flush()
    if view is not None:
        view.mailbox.watch(session.tell_now)
    left = float(session.settings.imap.idle_timeout)  # it may idle as long as it may be silent (RFC 2177 §3)
    line = b""
    try:
        while not line:
            wait = min(left, STILL_HERE)
            try:
                line = await session.conn.readline(LINE, wait, command=True)
            except Nudged:
                await session.tell_unasked()
            except TimedOut:
                left -= wait
                if left <= 0:
                    raise
                session.conn.write(b"* OK Still here\r\n")
                session.tell_now()
    finally:
        if view is not None:
            view.mailbox.unwatch(session.tell_now)
    if line.strip().upper() != b"DONE":
        raise Bad(b"Expected DONE")
    return ok(b"IDLE completed")

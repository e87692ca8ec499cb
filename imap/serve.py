"""One client of the IMAP door, from the greeting to the end."""

from config.settings import Listen
from imap.door import ImapDoor
from imap.session import Session
from imap.table import TABLE
from net.connection import Connection


async def serve(door: ImapDoor, conn: Connection, listen: Listen) -> None:
    await Session(door, conn, listen, TABLE).run()

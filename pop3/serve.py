"""One client of the POP3 door, from the greeting to the goodbye."""

from config.settings import Listen
from net.connection import Connection
from pop3.door import Pop3Door
from pop3.session import Session
from pop3.table import BY_NAME


async def serve(door: Pop3Door, conn: Connection, listen: Listen) -> None:
    await Session(door, conn, listen, door.clock()).run(BY_NAME)

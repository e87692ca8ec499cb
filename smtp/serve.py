"""One client of the SMTP door, from the greeting to QUIT."""

from config.settings import SmtpListen
from net.connection import Connection
from smtp.commands import LMTP, SMTP
from smtp.door import SmtpDoor
from smtp.session import Session


async def serve(door: SmtpDoor, conn: Connection, listen: SmtpListen) -> None:
    await Session(door, conn, listen).run(LMTP if listen.mode == "lmtp" else SMTP)

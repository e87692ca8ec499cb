"""Mail that an account sends in the browser: the same way through the house as over port 587.

The web room cannot build a pipeline's envelope by itself in the same manner as the SMTP door; so the hall gives it
this function. The answer is the pipeline's: one status for all recipients, the first that was refused if any was.
"""

import secrets
from collections.abc import Sequence

from filters.mail import Mail, Recipient
from filters.pipeline import Pipeline
from storage import status
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import AddressError, parse
from storage.status import Status

HERE = "127.0.0.1"  # the peer of what comes from no socket


async def post(pipeline: Pipeline, message: bytes, author: str, to: Sequence[str]) -> Status:
    """Submit a message (CRLF line ends) in the name of one of our accounts. Raises Broken."""
    mail = Mail(author, HERE, secrets.token_hex(6), authenticated=author)
    answer = await pipeline.sender(mail)
    if not answer.ok:
        return answer
    recipients: list[Recipient] = []
    for address in to:
        try:
            found = await pipeline.recipient(mail, parse(address), len(message))
        except AddressError:
            return status.UNKNOWN_RECIPIENT
        if isinstance(found, Status):
            return found
        recipients.append(found)
    return await pipeline.submit(
        Mail(
            author,
            HERE,
            mail.trace,
            authenticated=author,
            recipients=tuple(recipients),
            message=Message.of(message),
            head=message[: end_of_header(message)],
        )
    )

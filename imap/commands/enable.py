"""ENABLE (RFC 5161): extensions that change what the server sends without being asked."""

from typing import TYPE_CHECKING

from imap.scanner import Scanner

if TYPE_CHECKING:
    from imap.session import Session


def parse(scanner: Scanner) -> tuple[bytes, ...]:
    names: list[bytes] = []
    while not scanner.at_end() or not names:
        scanner.space()
        names.append(scanner.keyword())
    return tuple(names)


async def run(session: "Session", names: tuple[bytes, ...]) -> None:
    """What is not known is passed over in silence (RFC 5161 §3.1)."""
    enabled = b""
    if b"CONDSTORE" in names and not session.condstore:
        enabled = b" CONDSTORE"
        session.begin_condstore()
    session.send(b"* ENABLED" + enabled + b"\r\n")

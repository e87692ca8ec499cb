"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208). An account has one quota root, named ""."""

from imap.replies import No, Reply
from imap.scanner import Scanner
from imap.session import Session

ROOT = b""


def parse_root(scanner: Scanner) -> bytes:
    scanner.space()
    return scanner.astring()


def parse_set(scanner: Scanner) -> bytes:
    """The root of `SETQUOTA root (STORAGE 512 …)`; the limits are read and not kept, as nobody may set them."""
    root = parse_root(scanner)
    scanner.space()
    scanner.expect(b"(")
    first = True
    while not scanner.take(b")"):
        if not first:
            scanner.space()
        first = False
        scanner.atom()
        scanner.space()
        scanner.number64()
    return root


async def get(session: Session, root: bytes) -> None:
    if root != ROOT:
        raise No(b"There is no such quota root", b"NONEXISTENT")
    await _tell(session)


async def get_root(session: Session, raw: bytes) -> None:
    """A mailbox that does not exist yet would be under the same root (RFC 9208 §4.1.3)."""
    place = await session.place(raw, "r")
    if place.account is not session.mine:  # another's limits are its own business: its mailboxes name no root
        session.send(b"* QUOTAROOT %b\r\n" % session.wire(place.shown))
        return
    session.send(b'* QUOTAROOT %b ""\r\n' % session.wire(place.shown))
    await _tell(session)


async def set_limits(_session: Session, _root: bytes) -> Reply:
    raise No(b"Limits are set by the administrator", b"NOPERM")


async def _tell(session: Session) -> None:
    """STORAGE is in units of 1024 octets (RFC 9208 §5.1); use is rounded up, so a full account looks full."""
    use = await session.mine.quota()
    resources: list[bytes] = []
    if use.bytes_limit is not None:
        resources.append(b"STORAGE %d %d" % (-(-use.bytes // 1024), use.bytes_limit // 1024))
    if use.messages_limit is not None:
        resources.append(b"MESSAGE %d %d" % (use.messages, use.messages_limit))
    session.send(b'* QUOTA "" (%b)\r\n' % b" ".join(resources))

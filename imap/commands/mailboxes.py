"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE."""

from dataclasses import dataclass

from imap.commands import listing
from imap.mailbox_name import DELIMITER
from imap.objectid import object_id
from imap.place import Place, above, is_others
from imap.replies import No, Reply, ok
from imap.scanner import Scanner
from imap.session import Session
from storage.layout import canonical_name

SPECIAL_USES = {  # RFC 6154 §2, as the store keeps them; \All and \Flagged are views, which we have not
    b"\\ARCHIVE": "\\Archive",
    b"\\DRAFTS": "\\Drafts",
    b"\\JUNK": "\\Junk",
    b"\\SENT": "\\Sent",
    b"\\TRASH": "\\Trash",
}


@dataclass(frozen=True, slots=True)
class Create:
    mailbox: bytes
    uses: tuple[bytes, ...] = ()


def parse_name(scanner: Scanner) -> bytes:
    scanner.space()
    return scanner.astring()


def parse_create(scanner: Scanner) -> Create:
    """RFC 9051 §6.3.4, RFC 6154 §3: `CREATE name (USE (\\Sent))`."""
    mailbox = parse_name(scanner)
    if scanner.at_end():
        return Create(mailbox)
    scanner.space()
    scanner.expect(b"(USE (")
    uses: list[bytes] = []
    while not scanner.take(b")"):
        if uses:
            scanner.space()
        uses.append(scanner.flag().upper())
    scanner.expect(b")")
    return Create(mailbox, tuple(uses))


def parse_rename(scanner: Scanner) -> tuple[bytes, bytes]:
    return parse_name(scanner), parse_name(scanner)


async def create(session: Session, wanted: Create) -> Reply:
    place = await _to_be(session, _without_end(session.name(wanted.mailbox)))
    uses = {SPECIAL_USES.get(use) for use in wanted.uses}
    if None in uses or len(uses) > 1:
        raise No(b"That use cannot be given to a mailbox", b"USEATTR")
    await place.account.create(place.name, uses.pop() if uses else None)
    if parent := above(canonical_name(place.name)):
        sharing = session.store.sharing
        await session.store.run(sharing.inherit, place.account.address, canonical_name(place.name), parent)
    status = await place.account.status(place.name)
    if session.manner.rev2 and canonical_name(place.shown) != session.name(wanted.mailbox):
        session.send(listing.named(session, canonical_name(place.shown), wanted.mailbox))  # RFC 9051 §6.3.4
    told = b"OBJECTID" not in session.off
    return ok(b"Created", b"MAILBOXID (%b)" % object_id(status.mailboxid) if told else b"")  # RFC 8474 §4.1


async def delete(session: Session, raw: bytes) -> None:
    place = await session.place_of(_without_end(session.name(raw)), "x")  # RFC 4314 §4
    await _leave(session, place)
    await place.account.delete(place.name)


async def rename(session: Session, names: tuple[bytes, bytes]) -> None:
    """A session that has the mailbox selected goes on in it: it is the same mailbox (RFC 2180 §3.4)."""
    old_name, new_name = (_without_end(session.name(raw)) for raw in names)
    old = await session.place_of(old_name, "x")
    new = await _to_be(session, new_name)
    if old.account.address != new.account.address:
        raise No(b"A mailbox stays with its owner", b"CANNOT")
    await old.account.rename(old.name, new.name)
    if session.manner.rev2:
        session.send(listing.named(session, canonical_name(new.shown), names[0]))  # RFC 9051 §6.3.6


async def subscribe(session: Session, raw: bytes) -> None:
    await session.mine.subscribe(_without_end(session.name(raw)))


async def unsubscribe(session: Session, raw: bytes) -> None:
    await session.mine.unsubscribe(_without_end(session.name(raw)))


def _without_end(name: str) -> str:
    """`a/` declares that children will follow; the mailbox is `a` (RFC 9051 §6.3.4)."""
    return name[:-1] if len(name) > 1 and name.endswith(DELIMITER) else name


async def _to_be(session: Session, name: str) -> Place:
    """A mailbox that is to be made: among others' mailboxes, the one above has to allow it (RFC 4314 §4)."""
    if not is_others(name) or b"ACL" in session.off:
        return Place(session.mine, name, name)
    parent = await session.place_of(above(name), "k")
    rest = name.rpartition(DELIMITER)[2]
    return Place(
        parent.account, f"{parent.name}{DELIMITER}{rest}", f"{parent.shown}{DELIMITER}{rest}", parent.rights
    )


async def _leave(session: Session, place: Place) -> None:
    """A client that takes away its own selected mailbox, or one above it, goes on with none selected."""
    name = place.name
    if session.view is None or name == "INBOX" or session.view.place.account.address != place.account.address:
        return
    selected = session.view.mailbox.name
    if selected == name or selected.startswith(name + DELIMITER):
        await session.leave_mailbox()
        session.send(b"* OK [CLOSED] The mailbox is closed\r\n")

"""SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314).

An identifier is an account of the owner's domain, by its address, an alias or its local part, or `anyone`. What the
owner's account file says is shown with the rest and cannot be changed from here. Negative rights (`-name`) do not
exist. The rights of RFC 2086 are read and told too: c is k, d is t, e and x (RFC 4314 §2.1.1).
"""

from collections.abc import Callable

from config.imap import RIGHTS
from imap import format
from imap.place import Place
from imap.replies import Bad, No
from imap.scanner import Scanner
from imap.session import Session

OLD = {"c": "k", "d": "tex"}

Who = tuple[bytes, bytes]  # mailbox, identifier


def parse_set(scanner: Scanner) -> tuple[bytes, bytes, bytes]:
    mailbox, who = parse_who(scanner)
    scanner.space()
    return mailbox, who, scanner.astring()


def parse_who(scanner: Scanner) -> Who:
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    return mailbox, scanner.astring()


async def set_rights(session: Session, wanted: tuple[bytes, bytes, bytes]) -> None:
    raw, who, text = wanted
    change = _change(text)
    place = await session.place(raw, "a")
    await _grant(session, place, await _identify(session, place, who), change)


async def delete_rights(session: Session, wanted: Who) -> None:
    place = await session.place(wanted[0], "a")
    try:
        who = await _identify(session, place, wanted[1])
    except No:  # an account that is no more: what it had can be taken away all the same
        who = wanted[1].decode("utf-8", "replace").lower()
        if who not in await _granted(session, place):
            raise
    await _grant(session, place, who, lambda _: "")


async def get_rights(session: Session, raw: bytes) -> None:
    place = await session.place(raw, "a")
    granted = await _granted(session, place)
    pairs = [(place.account.address, RIGHTS), *sorted(granted.items())]
    listed = b"".join([b" %b %b" % (_name(session, who), told(rights)) for who, rights in pairs])
    session.send(b"* ACL %b%b\r\n" % (session.wire(place.shown), listed))


async def list_rights(session: Session, wanted: Who) -> None:
    """The owner has all rights, always; to all others each can be given by itself."""
    place = await session.place(wanted[0], "a")
    await _granted(session, place)
    who = await _identify(session, place, wanted[1])
    rights = told(RIGHTS) if who == place.account.address else b'"" ' + b" ".join(_groups())
    session.send(b"* LISTRIGHTS %b %b %b\r\n" % (session.wire(place.shown), _name(session, who), rights))


async def my_rights(session: Session, raw: bytes) -> None:
    place = await session.place(raw)
    if not place.rights:
        place.require("l")
    await place.account.status(place.name)  # raises MailboxMissing
    session.send(my_line(session, place))


def my_line(session: Session, place: Place) -> bytes:
    return b"* MYRIGHTS %b %b\r\n" % (session.wire(place.shown), told(place.rights))


def told(rights: str) -> bytes:
    """Rights as the client reads them, those of RFC 2086 among them."""
    old = "".join(letter for letter, new in OLD.items() if any(one in rights for one in new))
    return (rights + old).encode("ascii") or b'""'


def _groups() -> list[bytes]:
    """What is given together: an old right stands with all that it is (RFC 4314 §2.1.1)."""
    return [letter.encode("ascii") for letter in RIGHTS] + [letter.encode("ascii") for letter in OLD]


def _change(text: bytes) -> Callable[[str], str]:
    """`lrs`, `+i` or `-s`."""
    letters = text.decode("ascii", "replace")
    sign = letters[:1] if letters[:1] in ("+", "-") else ""
    given = "".join(OLD.get(letter, letter) for letter in letters[len(sign) :])
    if any(letter not in RIGHTS for letter in given):
        raise Bad(b"There is no such right")  # RFC 4314 §3.1
    if sign == "+":
        return lambda rights: rights + given
    if sign == "-":
        return lambda rights: "".join(letter for letter in rights if letter not in given)
    return lambda _: given


async def _identify(session: Session, place: Place, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text.startswith("-"):
        raise No(b"There are no negative rights here", b"CANNOT")
    who = await session.store.run(session.store.sharing.identify, place.account.address, text)
    if who is None:
        raise No(b"There is no such account in the domain", b"CANNOT")
    return who


async def _granted(session: Session, place: Place) -> dict[str, str]:
    return await session.store.run(session.store.sharing.granted, place.account.address, place.name)


async def _grant(session: Session, place: Place, who: str, change: Callable[[str], str]) -> None:
    if who == place.account.address:
        raise No(b"The owner has all rights, always", b"CANNOT")
    await session.store.run(session.store.sharing.grant, place.account.address, place.name, who, change)
    place.account.changed(place.name)


def _name(session: Session, who: str) -> bytes:
    return format.astring(who.encode("utf-8")) if who.isascii() else format.string8(who.encode("utf-8"))

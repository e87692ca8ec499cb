"""LIST, LSUB and NAMESPACE: what mailboxes there are (RFC 9051 §6.3.9, RFC 5258, RFC 6154, RFC 5819).

The account's mailboxes, its subscriptions and the parents that exist only by their children's names are put
together once, in memory; then every name is matched and written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from imap import format, mailbox_name
from imap.commands import acl, metadata, status
from imap.mailbox_name import DELIMITER, BadName
from imap.pattern import Matcher, matcher
from imap.place import OTHERS, shown
from imap.replies import Bad, No
from imap.scanner import BadSyntax, Scanner
from imap.session import Session
from storage.errors import MailboxMissing
from storage.rows import MailboxInfo

MOST_PATTERNS = 100
SELECTIONS = frozenset(
    {b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"}
)  # RFC 5258 §3.1, RFC 6154 §2
RETURNS = frozenset({b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE", b"MYRIGHTS"})  # MYRIGHTS: RFC 8440
# What XLIST called the uses of mailboxes before RFC 6154 gave them names.
XLIST = {"\\Junk": b"\\Spam", "\\Archive": b"\\AllMail"}


@dataclass(frozen=True, slots=True)
class List:
    reference: bytes
    patterns: tuple[bytes, ...]
    extended: bool = False
    select: frozenset[bytes] = frozenset()
    give: frozenset[bytes] = frozenset()
    status: tuple[bytes, ...] = ()
    metadata: tuple[str, ...] = ()  # RFC 9590

    @property
    def tells_more(self) -> bool:
        """Whether each mailbox is to be asked for more than its name."""
        return bool(self.status or self.metadata or b"MYRIGHTS" in self.give)


@dataclass(slots=True)
class Known:
    """One name of the hierarchy."""

    info: MailboxInfo | None = None  # None: it is subscribed or has children, and does not exist
    subscribed: bool = False
    children: bool = False
    child_subscribed: bool = False
    child_special: bool = False


@dataclass(slots=True)
class Tree:
    """All names, in the store's order, then those that exist only as subscriptions or parents."""

    names: dict[str, Known] = field(default_factory=dict)


def parse_list(scanner: Scanner) -> List:
    """RFC 5258 §6: `LIST [(selection)] reference pattern-or-(patterns) [RETURN (options)]`."""
    scanner.space()
    extended = scanner.peek() == b"("
    select: frozenset[bytes] = frozenset()
    if extended:
        select = frozenset(_options(scanner, SELECTIONS))
        scanner.space()
    reference = scanner.astring()
    scanner.space()
    if scanner.take(b"("):
        extended = True
        patterns = [scanner.list_mailbox()]
        while not scanner.take(b")"):
            scanner.space()
            patterns.append(scanner.list_mailbox())
            if len(patterns) > MOST_PATTERNS:
                raise BadSyntax("too many patterns")
    else:
        patterns = [scanner.list_mailbox()]
    give: frozenset[bytes] = frozenset()
    items: tuple[bytes, ...] = ()
    entries: tuple[str, ...] = ()
    if not scanner.at_end():
        extended = True
        scanner.space()
        scanner.expect(b"RETURN ")
        give, items, entries = _return_options(scanner)
    return List(reference, tuple(patterns), extended, select, give, items, entries)


def parse_lsub(scanner: Scanner) -> List:
    scanner.space()
    reference = scanner.astring()
    scanner.space()
    return List(reference, (scanner.list_mailbox(),))


def _options(scanner: Scanner, known: frozenset[bytes]) -> list[bytes]:
    found: list[bytes] = []
    scanner.expect(b"(")
    while not scanner.take(b")"):
        if found:
            scanner.space()
        option = scanner.keyword()
        if option not in known:
            raise BadSyntax("no such option")
        found.append(option)
    return found


def _return_options(scanner: Scanner) -> tuple[frozenset[bytes], tuple[bytes, ...], tuple[str, ...]]:
    found: set[bytes] = set()
    items: tuple[bytes, ...] = ()
    entries: tuple[str, ...] = ()
    scanner.expect(b"(")
    while not scanner.take(b")"):
        if found:
            scanner.space()
        option = scanner.keyword()
        if option == b"STATUS":  # RFC 5819 §2
            scanner.space()
            items = status.items(scanner)
        elif option == b"METADATA":  # RFC 9590 §2
            scanner.space()
            entries = metadata.entries(scanner)
        elif option not in RETURNS:
            raise BadSyntax("no such option")
        found.add(option)
    return frozenset(found), items, entries


async def run_list(session: Session, wanted: List) -> None:
    if b"RECURSIVEMATCH" in wanted.select and not wanted.select & {b"SUBSCRIBED", b"SPECIAL-USE"}:
        raise Bad(b"RECURSIVEMATCH needs another selection option")  # RFC 5258 §3.1
    if wanted.patterns == (b"",) and not wanted.extended:
        session.send(b'* LIST (\\Noselect) "/" ""\r\n')  # RFC 9051 §6.3.9: only the delimiter is asked
        return
    utf8 = session.manner.utf8
    others = await _others(session, wanted)
    mailboxes, subscriptions = await session.mine.mailboxes(), await session.mine.subscriptions()
    if not others and not wanted.tells_more:
        key, made = (session.address, wanted, utf8), (mailboxes, subscriptions)
        answer = session.door.listed.find(key, made)
        if answer is None:
            lines = _lines(hierarchy(mailboxes, subscriptions), wanted, utf8)
            answer = b"".join([line for _, _, line in lines])
            session.door.listed.keep(key, made, answer)
        session.send(answer)
        return
    for name, known, line in _lines(hierarchy([*mailboxes, *others], subscriptions), wanted, utf8):
        session.send(line)
        if known.info is not None and known.info.selectable:
            await _tell_more(session, name, wanted)
        await session.flush(least=64 * 1024)


def _lines(tree: Tree, wanted: List, utf8: bool) -> Iterator[tuple[str, Known, bytes]]:
    """The names that fit, and what is said of each."""
    fits = _matchers(wanted, utf8)
    for name, known in tree.names.items():
        if any(match(name) for match in fits):
            line = list_line(name, known, wanted, utf8)
            if line is not None:
                yield name, known, line


async def run_lsub(session: Session, wanted: List) -> None:
    """RFC 3501 §6.3.9: subscribed names; a parent of some that fits `%` and is not one is \\Noselect."""
    tree = hierarchy((), await session.mine.subscriptions())
    fits = _matchers(wanted, session.manner.utf8)
    for name, known in tree.names.items():
        if any(match(name) for match in fits):
            if known.subscribed:
                session.send(b'* LSUB () "/" %b\r\n' % session.wire(name))
            elif wanted.patterns[0].endswith(b"%"):
                session.send(b'* LSUB (\\Noselect) "/" %b\r\n' % session.wire(name))


async def run_xlist(session: Session, wanted: List) -> None:
    """LIST as Gmail and old clients of it know it: special uses under their names of then, and INBOX among them."""
    tree = hierarchy(await session.mine.mailboxes(), ())
    fits = _matchers(wanted, session.manner.utf8)
    for name, known in tree.names.items():
        if known.info is None or not any(match(name) for match in fits):
            continue
        attributes = [b"\\HasChildren" if known.children else b"\\HasNoChildren"]
        if not known.info.selectable:
            attributes.append(b"\\Noselect")
        use = known.info.special_use
        if name == "INBOX":
            attributes.append(b"\\Inbox")
        elif use is not None:
            attributes.append(XLIST.get(use) or use.encode("ascii"))
        session.send(b'* XLIST (%b) "/" %b\r\n' % (b" ".join(attributes), session.wire(name)))


async def namespace(session: Session, _: None) -> None:
    """One personal namespace, of which INBOX is part, and that of other users (RFC 9051 §6.3.10)."""
    others = b"NIL" if b"ACL" in session.off else b'(("%b/" "/"))' % OTHERS.encode("ascii")
    session.send(b'* NAMESPACE (("" "/")) %b NIL\r\n' % others)


async def _others(session: Session, wanted: List) -> list[MailboxInfo]:
    """The mailboxes of others that this client may see, under its names for them; none where nobody asks."""
    if b"ACL" in session.off or not any(_may_be_others(wanted.reference + one) for one in wanted.patterns):
        return []
    visible = await session.store.run(session.store.sharing.visible, session.address)
    return [replace(each.info, name=shown(each.owner, each.info.name), special_use=None) for each in visible]


def _may_be_others(pattern: bytes) -> bool:
    """Whether a pattern can fit a name among other users'."""
    plain = re.split(rb"[*%]", pattern, maxsplit=1)[0]
    others = OTHERS.encode("ascii")
    return plain.startswith(others) or (others.startswith(plain) and plain != pattern)


async def _tell_more(session: Session, name: str, wanted: List) -> None:
    """STATUS, MYRIGHTS and METADATA that were asked for with the names."""
    try:
        if b"MYRIGHTS" in wanted.give:  # RFC 8440 §3
            session.send(acl.my_line(session, await session.place_of(name, "l")))
        if wanted.metadata:
            await metadata.told(session, await session.place_of(name, "lr"), wanted.metadata)
        if wanted.status:
            await status.tell(session, name, wanted.status)
    except (MailboxMissing, No):
        pass  # it went between LIST and STATUS: no STATUS response then (RFC 5819 §2)


def named(session: Session, name: str, asked: bytes) -> bytes:
    """LIST of one mailbox that was named, with OLDNAME where it has another spelling (RFC 9051 §6.3.9.7)."""
    old = b""
    if name != "INBOX" and mailbox_name.text(asked, session.manner.utf8) != name:
        old = b' ("OLDNAME" (%b))' % format.string8(asked)
    return b'* LIST () "/" %b%b\r\n' % (session.wire(name), old)


def hierarchy(mailboxes: Iterable[MailboxInfo], subscriptions: Iterable[str]) -> Tree:
    tree = Tree({info.name: Known(info) for info in mailboxes})
    for name in sorted(subscriptions):
        tree.names.setdefault(name, Known()).subscribed = True
    for name, known in list(tree.names.items()):
        special = known.info is not None and known.info.special_use is not None
        parent = name
        while DELIMITER in parent:
            parent = parent.rpartition(DELIMITER)[0]
            above = tree.names.setdefault(parent, Known())
            above.children = above.children or known.info is not None
            above.child_subscribed = above.child_subscribed or known.subscribed
            above.child_special = above.child_special or special
    return tree


def list_line(name: str, known: Known, wanted: List, utf8: bool = False) -> bytes | None:
    """The LIST response for a name that fits a pattern; None where the selection leaves it out."""
    exists = known.info is not None and known.info.selectable
    special = known.info.special_use if known.info is not None else None
    selected = (
        (known.subscribed or b"SUBSCRIBED" not in wanted.select)
        and (special is not None or b"SPECIAL-USE" not in wanted.select)
        and (exists or known.children or b"SUBSCRIBED" in wanted.select)
    )
    below: list[bytes] = []
    if b"RECURSIVEMATCH" in wanted.select:
        if b"SUBSCRIBED" in wanted.select and known.child_subscribed:
            below.append(b'"SUBSCRIBED"')
        if b"SPECIAL-USE" in wanted.select and known.child_special:
            below.append(b'"SPECIAL-USE"')
    if not selected and not below:
        return None
    attributes: list[bytes] = []
    if not exists:
        attributes.append(b"\\NonExistent" if wanted.extended else b"\\Noselect")
    attributes.append(b"\\HasChildren" if known.children else b"\\HasNoChildren")
    if known.subscribed and b"SUBSCRIBED" in wanted.select | wanted.give:
        attributes.append(b"\\Subscribed")
    if special is not None:
        attributes.append(special.encode("ascii"))
    info = b' ("CHILDINFO" (%b))' % b" ".join(below) if below else b""
    return b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), format.mailbox(name, utf8), info)


def _matchers(wanted: List, utf8: bool) -> list[Matcher]:
    """A reference is put in front of each pattern as it stands; what is no name matches nothing."""
    found: list[Matcher] = []
    for pattern in wanted.patterns:
        try:
            found.append(matcher(mailbox_name.text(wanted.reference + pattern, utf8)))
        except BadName:
            continue
    return found

"""The arguments of NOTIFY (RFC 5465 §8). Pure: bytes in, frozen values out."""

from dataclasses import dataclass

from imap import fetch_grammar
from imap.fetch_grammar import Fetch
from imap.scanner import BadSyntax, Scanner
from imap.sequence import SequenceSet

MOST_GROUPS = 50  # of one command
MOST_NAMES = 500  # mailboxes in one group

SELECTED = frozenset({b"SELECTED", b"SELECTED-DELAYED"})
NAMED = frozenset({b"SUBTREE", b"MAILBOXES"})
FILTERS = SELECTED | NAMED | {b"INBOXES", b"PERSONAL", b"SUBSCRIBED"}

NEW, GONE, FLAGS = b"MESSAGENEW", b"MESSAGEEXPUNGE", b"FLAGCHANGE"
NAME, SUBSCRIPTION = b"MAILBOXNAME", b"SUBSCRIPTIONCHANGE"
KNOWN = {  # as they are spelled in RFC 5465 §5
    NEW: b"MessageNew",
    GONE: b"MessageExpunge",
    FLAGS: b"FlagChange",
    NAME: b"MailboxName",
    SUBSCRIPTION: b"SubscriptionChange",
}
MESSAGES = frozenset({NEW, GONE, FLAGS})
DEFINED = frozenset({*KNOWN, b"ANNOTATIONCHANGE", b"MAILBOXMETADATACHANGE", b"SERVERMETADATACHANGE"})


@dataclass(frozen=True, slots=True)
class Group:
    """Which mailboxes, and what is to be told of them."""

    which: bytes
    names: tuple[bytes, ...] = ()
    events: frozenset[bytes] = frozenset()
    fetch: Fetch | None = None  # what is to be told of new messages in the selected mailbox


@dataclass(frozen=True, slots=True)
class Notify:
    groups: tuple[Group, ...] = ()  # none: NOTIFY NONE
    status: bool = False  # also how all of them are now


def parse(scanner: Scanner) -> Notify:
    scanner.space()
    if scanner.take_word(b"NONE"):
        return Notify()
    scanner.expect(b"SET ")
    status = scanner.take(b"STATUS ")
    groups = [_group(scanner)]
    while not scanner.at_end():
        scanner.space()
        groups.append(_group(scanner))
        if len(groups) > MOST_GROUPS:
            raise BadSyntax("too many groups")
    if sum(group.which in SELECTED for group in groups) > 1:
        raise BadSyntax("one group for the selected mailbox is enough")  # RFC 5465 §6.1
    return Notify(tuple(groups), status)


def _group(scanner: Scanner) -> Group:
    scanner.expect(b"(")
    which = scanner.keyword()
    if which not in FILTERS:
        raise BadSyntax("no such choice of mailboxes")
    scanner.space()
    names: tuple[bytes, ...] = ()
    if which in NAMED:
        names = _names(scanner)
        scanner.space()
    events, fetch = _events(scanner)
    scanner.expect(b")")
    if which in SELECTED and events - MESSAGES:
        raise BadSyntax("only messages are told of the selected mailbox")  # RFC 5465 §6.1
    if bool(events & {NEW}) != bool(events & {GONE}) or (FLAGS in events and NEW not in events):
        raise BadSyntax("MessageNew and MessageExpunge go together, and FlagChange with them")  # RFC 5465 §5
    return Group(which, names, events, fetch)


def _names(scanner: Scanner) -> tuple[bytes, ...]:
    if not scanner.take(b"("):
        return (scanner.astring(),)
    names = [scanner.astring()]
    while not scanner.take(b")"):
        scanner.space()
        names.append(scanner.astring())
        if len(names) > MOST_NAMES:
            raise BadSyntax("too many mailboxes")
    return tuple(names)


def _events(scanner: Scanner) -> tuple[frozenset[bytes], Fetch | None]:
    if scanner.take_word(b"NONE"):
        return frozenset(), None
    events: set[bytes] = set()
    fetch: Fetch | None = None
    scanner.expect(b"(")
    while True:
        event = scanner.keyword()
        if event not in DEFINED:
            raise BadSyntax("no such event")
        events.add(event)
        more = scanner.take(b" ")
        if event == NEW and more and scanner.peek() == b"(":
            ready, bodies = fetch_grammar.items(scanner)
            fetch = Fetch(SequenceSet(()), tuple(ready), tuple(bodies))
            more = scanner.take(b" ")
        if not more:
            scanner.expect(b")")
            return frozenset(events), fetch

"""NOTIFY (RFC 5465): what is to be told without being asked for, of which mailboxes."""

from imap import notify_grammar
from imap.notify import Watch
from imap.notify_grammar import Notify
from imap.replies import No
from imap.scanner import Scanner
from imap.session import Session


def parse(scanner: Scanner) -> Notify:
    return notify_grammar.parse(scanner)


async def run(session: Session, wanted: Notify) -> None:
    """A new NOTIFY replaces the one before (RFC 5465 §3.1)."""
    if any(group.events - notify_grammar.KNOWN.keys() for group in wanted.groups):
        known = b" ".join(notify_grammar.KNOWN.values())
        raise No(b"Not all of these can be told", b"BADEVENT (%b)" % known)  # RFC 5465 §5
    session.stop_notifying()
    if not wanted.groups:
        return
    watch = Watch(session, wanted)
    session.notify = watch
    await watch.begin(wanted.status)

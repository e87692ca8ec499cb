"""STORE and UID STORE (RFC 9051 §6.4.6), with UNCHANGEDSINCE (RFC 7162 §3.1.3)."""

from dataclasses import dataclass, replace

from imap import flags, sequence
from imap.replies import No, Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.sequence import SequenceSet
from imap.session import Session
from imap.view import View
from storage.columns import Part
from storage.rows import Row

OPERATIONS = {b"FLAGS": "set", b"+FLAGS": "add", b"-FLAGS": "remove"}


@dataclass(frozen=True, slots=True)
class Store:
    messages: SequenceSet
    operation: str
    silent: bool
    flags: frozenset[str]
    unchanged_since: int | None = None


def parse(scanner: Scanner) -> Store:
    scanner.space()
    messages = sequence.sequence_set(scanner)
    scanner.space()
    unchanged_since: int | None = None
    if scanner.take(b"("):
        scanner.expect(b"UNCHANGEDSINCE ")
        unchanged_since = scanner.number64()
        scanner.expect(b")")
        scanner.space()
    item, dot, silent = scanner.keyword().partition(b".")
    operation = OPERATIONS.get(item)
    if operation is None or (dot and silent != b"SILENT"):
        raise BadSyntax("expected FLAGS, +FLAGS or -FLAGS")
    scanner.space()
    names = flags.flag_list(scanner) if scanner.peek() == b"(" else flags.bare_flags(scanner)
    return Store(messages, operation, bool(dot), names, unchanged_since)


async def run(session: Session, wanted: Store) -> Reply:
    return await _store(session, wanted, session.by_number(wanted.messages), False)


async def run_uid(session: Session, wanted: Store) -> Reply:
    return await _store(session, wanted, session.by_uid(wanted.messages), True)


async def _store(session: Session, wanted: Store, uids: list[int], by_uid: bool) -> Reply:
    mailbox = session.writable()
    view = session.selected
    wanted = _allowed(view, wanted)
    if wanted.unchanged_since is not None:
        session.begin_condstore()
    if not uids:
        return ok(b"There was nothing to change")
    session.tell_updates(False, by_uid)  # what the client knows before is what it reckons with
    names = flags.spelled(wanted.flags, mailbox.keywords)
    known = mailbox.rows.part(uids)
    before = dict(zip(known.uids, known.flags(str), strict=True)) if wanted.silent else {}
    fixed = flags.fixed(view.place.rights)
    work = mailbox.store(uids, wanted.operation, names, wanted.unchanged_since, fixed)
    stored = await session.patiently(work)
    new_keywords: list[bytes] = []
    view.keywords_changed(new_keywords)
    for line in new_keywords:
        session.send(line)
    refused = set(stored.refused)
    part = mailbox.rows.part([uid for uid in uids if uid not in refused] if refused else uids)
    if wanted.silent:
        letters = flags.letters(names, mailbox.keywords)
        # What came out otherwise than the client expects was changed by somebody else meanwhile: the view
        # tells it (RFC 9051 §6.4.6).
        part = _as_expected(part, before, wanted, letters, fixed)
        if session.condstore:
            _tell_modseq(session, part.among(set(stored.changed)).rows(), by_uid)
    else:
        for line in view.fetched(part.rows(), session.manner, by_uid):
            session.send(line)
    view.told(zip(part.uids, part.modseqs, strict=True))
    if refused:
        named = (
            sorted(refused) if by_uid else [number for uid in sorted(refused) if (number := view.number(uid))]
        )
        return ok(b"Some have changed since", b"MODIFIED " + sequence.compact(named))
    return ok(b"Stored")


def _allowed(view: View, wanted: Store) -> Store:
    """What of it the rights allow; nothing at all is refused (RFC 4314 §4)."""
    rights = view.place.rights
    names = frozenset(flags.permitted(wanted.flags, rights))
    if names == wanted.flags and (wanted.operation != "set" or not flags.fixed(rights)):
        return wanted
    if not names and (wanted.flags or not set(rights) & set("wst")):
        raise No(b"You have no right to change these flags", b"NOPERM")
    return replace(wanted, flags=names)


def _as_expected(
    part: Part, before: dict[int, str], wanted: Store, letters: frozenset[str], fixed: frozenset[str]
) -> Part:
    """Those whose flags are what the client makes of those it knew."""
    made = {old: _made(old, wanted, letters, fixed) for old in set(before.values())}
    fitting = {
        uid
        for uid, after in zip(part.uids, part.flags(frozenset), strict=True)
        if uid in before and made[before[uid]] == after
    }
    return part if len(fitting) == len(part) else part.among(fitting)


def _made(old: str, wanted: Store, letters: frozenset[str], fixed: frozenset[str]) -> frozenset[str]:
    known = frozenset(old)
    if wanted.operation == "add":
        return known | letters
    if wanted.operation == "remove":
        return known - letters
    return letters | (known & fixed)


def _tell_modseq(session: Session, rows: list[Row], by_uid: bool) -> None:
    """RFC 7162 §3.1.3: MODSEQ is told even where FLAGS are silent."""
    manner = session.manner
    for row in rows:
        if manner.uidonly:
            session.send(b"* %d UIDFETCH (MODSEQ (%d))\r\n" % (row.uid, row.modseq))
            continue
        uid = b"UID %d " % row.uid if by_uid or manner.qresync else b""
        session.send(b"* %d FETCH (%bMODSEQ (%d))\r\n" % (session.selected.number(row.uid), uid, row.modseq))

"""What a search program finds in a mailbox: rows first, then what the index knows, and only then the messages.

SEARCH, SORT, THREAD and ESEARCH find their messages here. Rows are memory; the index answers for all messages of a
mailbox in some milliseconds; a message that has to be read costs a tenth of one. So the index is asked where more
than `FEW` messages are open, and messages are read in batches, one hop to a thread each.
"""

from asyncio import Semaphore
from collections.abc import Sequence
from dataclasses import replace

from imap import search
from imap.objectid import thread_id
from imap.replies import No
from imap.search import Answer, Scope
from imap.search_grammar import Dated, Header, Key, Program, Text, Threaded
from storage.heads import Holds, Question, Sent
from storage.mime.head import COLUMNS
from storage.search.find import Said
from storage.selected import Mailbox
from storage.store import Store

BATCH = 100  # messages read in one hop to a thread: others get their turn in between
FEW = 20  # messages that are sooner read than asked for

CHARSETS = b"US-ASCII UTF-8 ISO-2022-JP SHIFT_JIS EUC-JP"  # a hint; any that is known may be used


def check_charset(program: Program) -> None:
    """RFC 9051 §6.4.4: the charset must be known, even if no key has a string."""
    if program.unknown_charset:
        raise No(b"The charset is not known", b"BADCHARSET (%b)" % CHARSETS)


async def find(
    store: Store, mailbox: Mailbox, program: Program, scope: Scope, readers: Semaphore
) -> list[int]:
    """The UIDs that match, ascending. `readers` lets in who has to read messages."""
    keys = list(search.parts(program.key))
    if any(map(_by_row, keys)) or not scope.uids:
        narrowed = search.narrow(program, scope)
        found, unread = narrowed.found, narrowed.open
    else:
        found, unread = [], list(scope.rows.part(scope.uids).uids)
    if len(unread) > FEW:
        scope = replace(scope, answers=await _answers(store, mailbox, keys, unread))
        narrowed = search.narrow(program, scope, unread)
        found, unread = found + narrowed.found, narrowed.open
    if unread:
        async with readers:
            confirmed, missing = await _read(store, mailbox, program, scope, unread)
            found += confirmed
            if missing:  # their mailbox may have been renamed in this moment
                await mailbox.refresh()
                found += (await _read(store, mailbox, program, scope, missing))[0]
    return sorted(found)


def _by_row(key: Key) -> bool:
    return search.cost(key) == 0


async def _answers(
    store: Store, mailbox: Mailbox, keys: Sequence[Key], uids: Sequence[int]
) -> dict[Key, Answer]:
    """What the index says to those keys that it knows something about."""
    answers: dict[Key, Answer] = {}
    questions = {key: question for key in keys if (question := _question(key)) is not None}
    if questions:
        found, unknown = await mailbox.ask_heads(uids, list(questions.values()))
        answers.update((key, Answer(one, unknown)) for key, one in zip(questions, found, strict=True))
    threads = {key.thread: key for key in keys if isinstance(key, Threaded)}
    if threads:
        answers |= await _members(mailbox, threads, uids)
    texts = {key: Said(key.text, key.with_header) for key in keys if isinstance(key, Text) and key.text}
    if texts and store.settings.imap.fulltext:
        said = await mailbox.ask_texts(uids, list(texts.values()))
        answers.update((key, Answer(one.found, one.unknown)) for key, one in zip(texts, said, strict=True))
    return answers


async def _members(
    mailbox: Mailbox, threads: dict[bytes, Threaded], uids: Sequence[int]
) -> dict[Key, Answer]:
    """The messages of threads (RFC 8474 §5.4); those that have vanished are in none."""
    members: dict[bytes, set[int]] = {thread: set() for thread in threads}
    for uid, (links,) in (await mailbox.head_columns(uids, "links")).items():
        row = mailbox.rows.get(uid)
        if row is not None and (thread := thread_id(links, row.base)) in members:
            members[thread].add(uid)
    return {key: Answer(members[thread]) for thread, key in threads.items()}


def _question(key: Key) -> Question | None:
    match key:
        case Header(name, text) if name in COLUMNS:
            return Holds(COLUMNS[name], text)
        case Dated(sent=True):
            return Sent(*search.sent_span(key))
    return None


async def _read(
    store: Store, mailbox: Mailbox, program: Program, scope: Scope, uids: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Those of the messages that match, and those that were not found."""
    found: list[int] = []
    missing: list[int] = []
    for at in range(0, len(uids), BATCH):
        batch = uids[at : at + BATCH]
        messages = await mailbox.messages(batch)
        confirmed = await store.run(search.confirm, program, scope, list(zip(batch, messages, strict=True)))
        found += confirmed.found
        missing += confirmed.missing
    return found, missing

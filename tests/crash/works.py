"""The changes that are cut off: how the account is made ready, what is done, and what may be found afterwards.

`check(before, after, said, power)` gets what was acknowledged in `said`. `power` is true where the machine lost
its power: then a MOVE may be found in both places, and a COPY that was not acknowledged in part.
"""

import os
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from storage import across, annotations, mailbox, tree
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.look import look as look_at
from storage.message import Message
from storage.quota import Limits
from storage.reconcile import message_of
from storage.rows import Copied
from storage.store import _sync_all
from tests.alone import append as append_to
from tests.crash.calls import Say
from tests.crash.state import HANAKO, NONE, TARO, Check, Place, World

OLD = [b"Subject: old %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(4)]
NEW = [b"Subject: new %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(3)]
OTHERS = [b"Subject: another program's %d\r\n\r\nbody\r\n" % n for n in range(3)]
MEI = "mei@example.test"
SEEN, WORK, HOME = "\\Seen", "$Work", "$Home"


@dataclass(frozen=True)
class Work:
    name: str
    prepare: Callable[[Place], None]
    do: Callable[[Place, Say], None]
    check: Check
    disturb: Callable[[Place], None] = lambda place: None  # what another program does before that
    also: Callable[[Place], None] = lambda place: None  # what must be true of the place besides, each time


def filled(place: Place) -> None:
    """Four messages in INBOX with a keyword on two, one in Archive with another keyword."""
    place.append(*OLD[:2], flags=frozenset({SEEN, WORK}))
    place.append(*OLD[2:])
    place.append(b"Subject: archived\r\n\r\n", to="Archive", flags=frozenset({HOME}))


def texts(world: World, name: str, address: str = TARO) -> Counter[bytes]:
    account = world[address]
    return account[name].texts() if name in account else Counter()


def flags(world: World, text: bytes) -> set[frozenset[str]]:
    """The flags that a message has, wherever it is found."""
    found = [m.messages.values() for m in world[TARO].values()]
    return {flags for messages in found for each, flags in messages if each == text}


def untouched(before: World, after: World, *names: str) -> None:
    for name in names:
        assert after[TARO][name].messages == before[TARO][name].messages


# APPEND, delivery


def append_several(place: Place, say: Say) -> None:
    place.append(*NEW, flags=frozenset({SEEN, HOME}))
    say("done")


def all_or_none_appended(before: World, after: World, said: list[str], power: bool) -> None:
    came = texts(after, "INBOX") - texts(before, "INBOX")
    assert came in ((Counter(NEW),) if said else (Counter(), Counter(NEW))) or (power and not said)
    assert all(flags(after, text) == {frozenset({SEEN, HOME})} for text in came)
    assert not texts(before, "INBOX") - texts(after, "INBOX")


def deliver_one(place: Place, say: Say) -> None:
    for number, text in enumerate(NEW[:2]):
        (delivered,) = place.deliver(text, TARO)
        assert delivered.status.ok
        say(str(number))


def each_delivered_once(before: World, after: World, said: list[str], power: bool) -> None:
    untold = texts(after, "INBOX")
    for number, text in enumerate(NEW):
        found = [have for have in after[TARO]["INBOX"].texts().elements() if have.endswith(text)]
        assert len(found) == 1 if str(number) in said else len(found) <= 1
        untold -= Counter(found)
    assert untold == texts(before, "INBOX")


def filled_both(place: Place) -> None:
    filled(place)
    place.append(OLD[0], address=HANAKO)


def deliver_to_several(place: Place, say: Say) -> None:
    assert all(delivered.status.ok for delivered in place.deliver(NEW[0], TARO, HANAKO, TARO))
    say("done")


def delivered_to_each(before: World, after: World, said: list[str], power: bool) -> None:
    for address, copies in ((TARO, 2), (HANAKO, 1)):
        have = after.get(address, {}).get("INBOX")
        found = [text for text in have.texts().elements() if text.endswith(NEW[0])] if have else []
        assert len(found) == copies if said else len(found) <= copies


# STORE, EXPUNGE


def store(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.store(files, "INBOX", [1, 2, 3], "add", frozenset({"\\Flagged", HOME}))
        _sync_all({files.maildir})  # as Store.sync_soon does, within a second
        say("done")


def flags_old_or_new(before: World, after: World, said: list[str], power: bool) -> None:
    assert texts(after, "INBOX") == texts(before, "INBOX")
    for uid in (1, 2, 3):
        old, new = before[TARO]["INBOX"].messages[uid][1], after[TARO]["INBOX"].messages[uid][1]
        assert new == old | {"\\Flagged", HOME} or (not said and new == old)
    assert after[TARO]["INBOX"].messages[4] == before[TARO]["INBOX"].messages[4]
    untouched(before, after, "Archive")


def expunge(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.expunge(files, "INBOX", [1, 3, 4], flagged_only=False)
        say("done")


def only_those_expunged(before: World, after: World, said: list[str], power: bool) -> None:
    assert after[TARO]["INBOX"].messages.keys() >= {2}
    assert not said or after[TARO]["INBOX"].messages.keys() == {2}
    assert all(before[TARO]["INBOX"].messages[u] == m for u, m in after[TARO]["INBOX"].messages.items())
    untouched(before, after, "Archive")


# COPY, MOVE


def copy(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.copy(files, "INBOX", [1, 2, 4], "Archive", Limits())
        say("done")


def all_or_none_copied(before: World, after: World, said: list[str], power: bool) -> None:
    untouched(before, after, "INBOX")
    came = texts(after, "Archive") - texts(before, "Archive")
    whole = Counter([OLD[0], OLD[1], OLD[3]])
    assert came in ((whole,) if said else (Counter(), whole)) or (power and not said and came <= whole)
    assert not texts(before, "Archive") - texts(after, "Archive")
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}


def copy_here(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.copy(files, "INBOX", [1, 2], "INBOX", Limits())
        say("done")


def all_or_none_copied_here(before: World, after: World, said: list[str], power: bool) -> None:
    came = texts(after, "INBOX") - texts(before, "INBOX")
    whole = Counter(OLD[:2])
    assert came in ((whole,) if said else (Counter(), whole)) or (power and not said and came <= whole)
    for uid, message in before[TARO]["INBOX"].messages.items():
        assert after[TARO]["INBOX"].messages[uid] == message
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}


def move(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.move(files, "INBOX", [1, 2, 4], "Archive")
        say("done")


def in_one_place(before: World, after: World, said: list[str], power: bool) -> None:
    for number in (0, 1, 3):
        there, here = texts(after, "Archive")[OLD[number]], texts(after, "INBOX")[OLD[number]]
        assert (there, here) in (((1, 0),) if said else ((1, 0), (0, 1), (1, 1) if power else (0, 1)))
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}
    assert flags(after, b"Subject: archived\r\n\r\n") == {frozenset({HOME})}
    assert flags(after, OLD[2]) == {NONE}


def move_here(place: Place, say: Say) -> None:
    with place.files() as files:
        mailbox.move(files, "INBOX", [1, 2], "INBOX")
        say("done")


def still_here(before: World, after: World, said: list[str], power: bool) -> None:
    assert texts(after, "INBOX") == texts(before, "INBOX")
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}


# REPLACE, and COPY and MOVE into another account


def replace(place: Place, say: Say) -> None:
    """As the command does: the new one first (RFC 8508 §3.2)."""
    place.append(NEW[0], to="Archive", flags=frozenset({SEEN}))
    with place.files() as files:
        mailbox.expunge(files, "INBOX", [2], flagged_only=False)
        say("done")


def one_or_both(before: World, after: World, said: list[str], power: bool) -> None:
    old, new = texts(after, "INBOX")[OLD[1]], texts(after, "Archive")[NEW[0]]
    assert (old, new) == (0, 1) if said else (old, new) in ((1, 0), (1, 1), (0, 1))
    assert texts(after, "INBOX") - Counter(OLD[1:2]) == Counter([OLD[0], *OLD[2:]])
    assert texts(after, "Archive") - Counter(NEW[:1]) == texts(before, "Archive")


class _Source:
    """What storage.across asks of a loaded mailbox."""

    def __init__(self, files: AccountFiles, name: str) -> None:
        self._files, self._name = files, name
        with files.reading() as db:
            self._folder = folders.load(db, files.maildir, name)
        loaded = look_at(files, self._folder.mailboxid, -1)
        assert loaded is not None
        self.rows = {row.uid: row for row in loaded.rows}

    async def messages(self, uids: Sequence[int]) -> list[Message]:
        return [message_of(self._folder, self.rows[uid]) for uid in uids]

    async def remove(self, uids: Sequence[int]) -> None:
        mailbox.expunge(self._files, self._name, uids, flagged_only=False)


class _Target:
    """What it asks of the other account."""

    def __init__(self, files: AccountFiles) -> None:
        self._files = files

    async def append(self, name: str, messages: Sequence[Appended]) -> tuple[int, list[int]]:
        return 1, append_to(self._files, name, messages)

    async def open(self, name: str) -> _Source:
        source = _Source(self._files, name)
        source.release = lambda: None  # type: ignore[attr-defined]
        return source


def _across(place: Place, work: Callable[..., Coroutine[Any, Any, Copied]], say: Say) -> None:
    with place.files() as mine, place.files(HANAKO) as others:
        flags = [frozenset({SEEN}), NONE, NONE]
        going = work(_Source(mine, "INBOX"), [1, 2, 4], _Target(others), "Archive", flags)
        try:
            going.send(None)  # nothing in it waits
        except StopIteration as stopped:
            assert len(stopped.value.pairs) == 3
            say("done")


def copy_across(place: Place, say: Say) -> None:
    _across(place, across.copy, say)


def move_across(place: Place, say: Say) -> None:
    _across(place, across.move, say)


WHOLE = Counter([OLD[0], OLD[1], OLD[3]])


def all_or_none_came_across(before: World, after: World, said: list[str], power: bool) -> Counter[bytes]:
    came = texts(after, "Archive", HANAKO)
    assert came in ((WHOLE,) if said else (Counter(), WHOLE)) or (power and not said and came <= WHOLE)
    kept = [flags for text, flags in after[HANAKO]["Archive"].messages.values() if text == OLD[0]]
    assert set(kept) <= {frozenset({SEEN})}
    assert after[HANAKO]["INBOX"].messages == before[HANAKO]["INBOX"].messages
    return came


def copied_across(before: World, after: World, said: list[str], power: bool) -> None:
    all_or_none_came_across(before, after, said, power)
    untouched(before, after, "INBOX", "Archive")


def moved_across(before: World, after: World, said: list[str], power: bool) -> None:
    """None is in neither account; those that are in both go when the command is given again."""
    came = all_or_none_came_across(before, after, said, power)
    here = texts(after, "INBOX")
    assert not texts(before, "INBOX") - here - came
    assert here == Counter(OLD[2:3]) if said else here - WHOLE == Counter(OLD[2:3])
    untouched(before, after, "Archive")


# METADATA

WORDS = {"/shared/comment": "件名".encode(), "/private/comment": b"\xff"}


def annotated(place: Place) -> None:
    filled(place)
    with place.files() as files:
        annotations.write(files, "INBOX", TARO, {"/shared/comment": b"old"})


def annotate(place: Place, say: Say) -> None:
    """Into the file that also holds the marks, which the messages that come before that raise."""
    place.append(*NEW)
    with place.files() as files:
        annotations.write(files, "INBOX", TARO, WORDS)
        say("done")


def words_old_or_new(before: World, after: World, said: list[str], power: bool) -> None:
    words = after[TARO]["INBOX"].words
    assert words == WORDS or (not said and words == {"/shared/comment": b"old"})
    assert after[TARO]["Archive"].words == {}
    assert not texts(before, "INBOX") - texts(after, "INBOX")
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}


# Rights


def shared(place: Place) -> None:
    """Archive is hanako's to read, and what is below it begins with that."""
    filled_both(place)
    with place.sharing() as sharing:
        sharing.grant(TARO, "Archive", HANAKO, lambda _: "lr")


def grant(place: Place, say: Say) -> None:
    """SETACL, into the file that also holds the marks; to one who had nothing yet, and to one who had something."""
    place.append(*NEW)
    with place.sharing() as sharing:
        sharing.grant(TARO, "INBOX", MEI, lambda _: "lrs")
        say("new")
        sharing.grant(TARO, "Archive", HANAKO, lambda old: old + "ei")
        say("more")


def granted_or_not(before: World, after: World, said: list[str], power: bool) -> None:
    inbox, archive = after[TARO]["INBOX"].rights, after[TARO]["Archive"].rights
    assert inbox == {MEI: "lrs"} or ("new" not in said and inbox == {})
    assert archive == {HANAKO: "lrie"} or ("more" not in said and archive == {HANAKO: "lr"})
    assert not texts(before, "INBOX") - texts(after, "INBOX")
    assert flags(after, OLD[0]) == {frozenset({SEEN, WORK})}


def withdraw(place: Place, say: Say) -> None:
    with place.sharing() as sharing:
        sharing.grant(TARO, "Archive", HANAKO, lambda _: "")
        say("done")


def withdrawn_or_not(before: World, after: World, said: list[str], power: bool) -> None:
    rights = after[TARO]["Archive"].rights
    assert rights == {} or (not said and rights == {HANAKO: "lr"})
    untouched(before, after, "INBOX", "Archive")


def who_may_sees_it(place: Place) -> None:
    """What says who has given anything to whom may say too much, and never too little."""
    account = place.look()[TARO]
    with place.sharing() as sharing:
        for who in (HANAKO, MEI):
            may = {name for name, mailbox in account.items() if "l" in mailbox.rights.get(who, "")}
            seen = {each.info.name for each in sharing.visible(who)}
            assert seen == may, f"{who} sees {seen}, and was given {may}"


# Folders


def with_tree(place: Place) -> None:
    filled(place)
    with place.files() as files:
        for name in ("a", "a/b", "x"):
            tree.create(files, name)
    place.append(*NEW, to="a/b", flags=frozenset({WORK}))


def create(place: Place, say: Say) -> None:
    with place.files() as files:
        tree.create(files, "x/made")
        say("done")


def created_or_not(before: World, after: World, said: list[str], power: bool) -> None:
    assert after[TARO].keys() - before[TARO].keys() in (({"x/made"},) if said else (set(), {"x/made"}))
    untouched(before, after, *before[TARO])


def delete(place: Place, say: Say) -> None:
    with place.files() as files:
        tree.delete(files, "a/b")
        say("done")


def deleted_or_not(before: World, after: World, said: list[str], power: bool) -> None:
    assert before[TARO].keys() - after[TARO].keys() in (({"a/b"},) if said else (set(), {"a/b"}))
    untouched(before, after, *after[TARO])


def rename(place: Place, say: Say) -> None:
    with place.files() as files:
        tree.rename(files, "a", "z/y")
        say("done")


def renamed_whole_or_not(before: World, after: World, said: list[str], power: bool) -> None:
    old, new = ["a", "a/b"], ["z/y", "z/y/b"]
    names = new if "z/y" in after[TARO] else old
    assert names == new or not said
    assert after[TARO].keys() == before[TARO].keys() - set(old) | set(names)
    for was, now in zip(old, names, strict=True):
        assert after[TARO][now].mailboxid == before[TARO][was].mailboxid
        assert after[TARO][now].messages == before[TARO][was].messages
    untouched(before, after, "INBOX", "Archive", "x")


# What comes after a crash, and other programs


def rebuild(place: Place, say: Say) -> None:
    with place.files() as files:
        files.rebuild()
        say("done")


def nothing_changed(before: World, after: World, said: list[str], power: bool) -> None:
    assert before[TARO].keys() == after[TARO].keys()
    untouched(before, after, *before[TARO])


def other_programs(place: Place) -> None:
    """Files as mutt, rsync and a restored backup leave them."""
    with place.files() as files:
        first = next((files.maildir / "cur").glob("*U=1:*"))
        (files.maildir / "new" / "1700000000.M1P2.host").write_bytes(OTHERS[0])
        (files.maildir / "cur" / "1700000001.M1P3.host,U=2:2,F").write_bytes(OTHERS[1])
        (files.maildir / "cur" / "1700000002.M1P4.host:2,").write_bytes(OTHERS[2].replace(b"\r\n", b"\n"))
        os.rename(first, str(first).rpartition(":")[0] + ":2,FSa")
        next((files.maildir / "new").glob("*U=4")).unlink()


def reconcile(place: Place, say: Say) -> None:
    place.look()
    say("done")


def taken_in_once(before: World, after: World, said: list[str], power: bool) -> None:
    expected = Counter([*OLD[:3], *OTHERS])
    found = texts(after, "INBOX")
    assert found == expected
    assert flags(after, OTHERS[1]) == {frozenset({"\\Flagged"})}
    assert flags(after, OLD[0]) == {frozenset({"\\Flagged", SEEN, WORK})}


def first_message(place: Place, say: Say) -> None:
    place.append(NEW[0], address=HANAKO)
    say("done")


def account_made_whole(before: World, after: World, said: list[str], power: bool) -> None:
    if said:
        assert texts(after, "INBOX", HANAKO) == Counter(NEW[:1])
    if HANAKO in after:
        assert after[HANAKO].keys() == before[TARO].keys()
        assert len({m.uidvalidity for a in after.values() for m in a.values()}) == 2 * len(before[TARO])


WORKS = [
    Work("append", filled, append_several, all_or_none_appended),
    Work("deliver", filled, deliver_one, each_delivered_once),
    Work("deliver to several", filled_both, deliver_to_several, delivered_to_each),
    Work("store", filled, store, flags_old_or_new),
    Work("expunge", filled, expunge, only_those_expunged),
    Work("copy", filled, copy, all_or_none_copied),
    Work("copy here", filled, copy_here, all_or_none_copied_here),
    Work("move", filled, move, in_one_place),
    Work("move here", filled, move_here, still_here),
    Work("replace", filled, replace, one_or_both),
    Work("copy across", filled_both, copy_across, copied_across),
    Work("move across", filled_both, move_across, moved_across),
    Work("grant", shared, grant, granted_or_not, also=who_may_sees_it),
    Work("withdraw", shared, withdraw, withdrawn_or_not, also=who_may_sees_it),
    Work("annotate", annotated, annotate, words_old_or_new),
    Work("create", with_tree, create, created_or_not),
    Work("delete", with_tree, delete, deleted_or_not),
    Work("rename", with_tree, rename, renamed_whole_or_not),
    Work("rebuild", filled, rebuild, nothing_changed),
    Work("reconcile", filled, reconcile, taken_in_once, other_programs),
    Work("first message", filled, first_message, account_made_whole),
]

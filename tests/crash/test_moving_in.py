"""A Maildir of Dovecot's moves in, and is killed, loses its power, or finds the disk full.

The account has all of it then or nothing, and all of it where the command said so; after nothing the command can be
given again. Whoever got mail meanwhile keeps it.
"""

import itertools
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from storage import dovecot
from storage.errors import neutral
from tests.crash import calls, state
from tests.crash.calls import Say
from tests.crash.disk import ALL, NONE, SOME, TWICE, Disk
from tests.crash.rounds import LONG, SEED
from tests.crash.state import HANAKO, TARO, Account, Place
from tests.crash.test_power import reboot

pytestmark = pytest.mark.usefixtures("small", "quick")

STEP = 1 if LONG else 45
TEXTS = [b"Subject: moves %d\r\n\r\nbody\r\n" % number for number in range(4)]
UIDS = {"INBOX": [5, 9], "会議/2024": [77], "Archive": [3]}


def moving(ground: Path) -> tuple[Place, Path]:
    """An account with mail beside; and what Dovecot had of taro's, with the flags and the keyword of one."""
    place, source = Place(ground / "data"), ground / "old"
    place.append(b"Subject: hers\r\n\r\n", address=HANAKO)
    texts = iter(TEXTS)
    for folder, uids in (("", UIDS["INBOX"]), (".&TxqLcA-.2024", [77]), (".Archive", [3])):
        for name in ("cur", "new", "tmp"):
            (source / folder / name).mkdir(parents=True)
        for uid in uids:
            (source / folder / f"cur/17.{uid}.vm:2,Sa").write_bytes(next(texts))
        lines = [f"{uid} :17.{uid}.vm" for uid in uids]
        (source / folder / "dovecot-uidlist").write_text("\n".join([f"3 V1{max(uids)} N100 Gx", *lines, ""]))
        (source / folder / "dovecot-keywords").write_text("0 $Work\n")
    (source / "subscriptions").write_text("V\t2\n\n&TxqLcA-\t2024\n")
    return place, source


def bring(place: Place, source: Path, say: Say) -> None:
    with place.files() as files:
        dovecot.bring(source, files.dir)
        say("done")
        files.rebuild()


def has_moved(account: Account) -> bool:
    """Everything (True) or nothing."""
    found = {name: sorted(mailbox.messages) for name, mailbox in account.items() if mailbox.messages}
    assert found in ({}, UIDS)
    if not found:
        return False
    assert sorted(text for mailbox in account.values() for text in mailbox.texts().elements()) == TEXTS
    flags = {flags for mailbox in account.values() for _, flags in mailbox.messages.values()}
    assert flags == {frozenset({"\\Seen", "$Work"})}
    assert {name: account[name].uidvalidity for name in UIDS} == {
        "INBOX": 19,
        "会議/2024": 177,
        "Archive": 13,
    }
    return True


def check(place: Place, source: Path, said: list[str]) -> None:
    folder = place.data / "mail/example.test/taro"
    whole = bool(said)
    if not (folder / "Maildir").exists():  # stopped before the end: nobody has looked at the account since
        assert not whole
        bring(place, source, said.append)
    before = place.look()
    assert has_moved(before[TARO])
    assert list(before[HANAKO]["INBOX"].texts()) == [b"Subject: hers\r\n\r\n"]
    state.check_sound(place, before)
    if LONG or whole:
        state.check_index_is_a_cache(place)
        state.check_goes_on(place, before)


def test_killed_between_any_two_calls(ground: Path) -> None:
    origin, source = moving(ground)
    for count in itertools.count(1, STEP):
        place = origin.copy_to(ground / "now")

        def work(say: Say, place: Place = place) -> None:
            bring(place, source, say)

        ended, said = calls.run(work, calls.stop_before(count))
        check(place, source, said)
        shutil.rmtree(place.data)
        if ended:
            assert said and count > 50
            return


def test_full_from_any_call_on(ground: Path) -> None:
    origin, source = moving(ground)
    for count in itertools.count(1, STEP):
        place = origin.copy_to(ground / "now")
        said: list[str] = []
        try:
            with calls.hooked(calls.fail_at(count)):
                bring(place, source, said.append)
        except Exception as error:
            assert type(neutral(error)).__name__ == "DiskFull", repr(error)
            assert said or not list(place.data.glob("mail/*/taro/making-*"))
        check(place, source, said)
        shutil.rmtree(place.data)
        if said and count > 50:
            return


def test_power_fails_between_any_two_calls(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the index lost: it is made by who comes next, and trials of its own are in test_power.py."""
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # rmtree by whole paths
    place, source = moving(ground)
    rng, said = random.Random(SEED), []  # type: ignore[var-annotated]
    cuts: list[tuple[Place, list[str], str]] = []

    def cut(number: int) -> None:
        kinds = (NONE, SOME, ALL, TWICE)
        some = [kinds[number // STEP % 4]] if number % STEP == 1 else []
        for kind in kinds if LONG else some if number else (NONE, TWICE):
            left = Place(ground / f"cut{len(cuts)}" / "data")
            left.data.parent.mkdir()
            disk.survive(left.data, kind, rng)
            cuts.append((left, list(said), f"before call {number}, {kind} of the rest"))

    disk = Disk(place.data, cut)
    with calls.hooked(disk.hook):
        bring(place, source, said.append)
    cut(0)
    reboot(monkeypatch)
    for left, told, what in cuts:
        try:
            check(left, source, told)
        except Exception as error:
            error.add_note(f"power failed {what}, acknowledged {told}: see {left.data}")
            raise


def test_who_got_mail_meanwhile_keeps_it(ground: Path) -> None:
    """At each call: the server runs, and its first delivery makes the account."""
    place, source = moving(ground)
    origin = place.copy_to(ground / "origin")
    for count in itertools.count(1, STEP):
        place = origin.copy_to(ground / "now")
        left = count

        def hook(name, real, args, place=place):  # type: ignore[no-untyped-def]
            nonlocal left
            left -= 1
            if left == 0 and not (place.data / "mail/example.test/taro/Maildir").exists():
                pid = os.fork()
                if pid == 0:
                    with suppress(BaseException):
                        place.append(b"Subject: early\r\n\r\n")
                        os._exit(0)
                    os._exit(1)
                assert os.waitpid(pid, 0)[1] == 0
            return None if name == "fsync" else real(*args)

        said: list[str] = []
        with suppress(dovecot.NotBrought), calls.hooked(hook):
            bring(place, source, said.append)
        account = place.look()[TARO]
        if said:
            assert has_moved(account)
        else:
            assert list(account["INBOX"].texts()) == [b"Subject: early\r\n\r\n"]
        assert not list(place.data.glob("mail/*/taro/making-*"))
        shutil.rmtree(place.data)
        if left > 0:
            assert said
            return

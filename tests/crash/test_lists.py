"""What mailing lists keep is killed, loses its power, or finds the disk full between any two calls.

A post that was held is there, whole, until it was decided; one that was decided is gone, and none is shown that
nobody could decide. Let go of, it is in the queue before it is gone: a crash between the two lets the owner decide
again. A number that was given is never given again, whoever died before he had seen to the names of what he made.
"""

import itertools
import random
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Select
from storage.state import held_posts, list_number
from storage.state.held_posts import HeldPost, HeldPosts
from tests.crash import calls
from tests.crash.calls import Say
from tests.crash.disk import ALL, NONE, SOME, TWICE, Disk
from tests.crash.rounds import LONG, SEED

pytestmark = pytest.mark.usefixtures("quick")

SALES = "sales@example.test"
POST = HeldPost(SALES, "a@example.net", "a@example.net", "件名", "t.1", 1_700_000_000.0)
TEXT = b"Subject: x\r\n\r\n" + b"body\r\n" * 100


@dataclass(frozen=True)
class Work:
    name: str
    prepare: Callable[[Path], None]
    do: Callable[[Path, Say], None]
    check: Callable[[Path, list[str]], None]
    queue: bool = False


def nothing(data: Path) -> None:
    pass


# Numbers


def nine(data: Path) -> None:
    for _ in range(9):
        list_number.take(data / "state", SALES)


def number(data: Path, say: Say) -> None:
    for _ in range(2):
        say(str(list_number.take(data / "state", SALES)))


def never_given_again(data: Path, said: list[str]) -> None:
    given = [int(each) for each in said]
    assert given == sorted(set(given))
    highest = max(given, default=0)
    assert list_number.last(data / "state", SALES) >= highest
    assert highest < list_number.take(data / "state", SALES) <= highest + 3, "a gap for each that was cut off"


def after_nine(data: Path, said: list[str]) -> None:
    never_given_again(data, ["9", *said])


# Posts


def held(data: Path) -> None:
    HeldPosts(data).hold(Message.of(TEXT), POST)


def hold(data: Path, say: Say) -> None:
    for _ in range(2):
        say(HeldPosts(data).hold(Message.of(TEXT), POST))


def waiting(data: Path) -> set[str]:
    """The tokens of posts that wait; each can be decided, and is whole."""
    posts = HeldPosts(data)
    found = posts.waiting(SALES)
    for token, post in found.items():
        claim = posts.claim(token)
        assert claim is not None, "shown, and nobody can decide it"
        assert (post, claim.post, claim.message.read()) == (POST, POST, TEXT)
        claim.release()
    return set(found)


def each_is_held(data: Path, said: list[str]) -> None:
    found = waiting(data)
    assert set(said) <= found
    assert len(found) <= len(said) + 2, "more than once for each attempt that was cut off"
    check_others_can(data, found)


def check_others_can(data: Path, found: set[str]) -> None:
    token = HeldPosts(data).hold(Message.of(TEXT), POST)
    assert waiting(data) == found | {token}
    held_posts.expire(data, time.time() + held_posts.KEPT + 60)
    assert list((data / "held").iterdir()) == [], "a rest is left for ever"


def two_held(data: Path) -> None:
    held(data)
    held(data)


def decide(data: Path, say: Say) -> None:
    for token in HeldPosts(data).waiting(SALES):
        claim = HeldPosts(data).claim(token)
        assert claim is not None
        claim.done()
        say(token)
        return


def decided_or_not(data: Path, said: list[str]) -> None:
    found = waiting(data)
    assert len(found) == 1 if said else len(found) in (1, 2)
    assert not found & set(said)
    check_others_can(data, found)


def let_go(data: Path, say: Say) -> None:
    """As `filters.lists` does: into the queue, then gone."""
    (token,) = HeldPosts(data).waiting(SALES)
    claim = HeldPosts(data).claim(token)
    assert claim is not None
    try:
        with closing(Queue(data / "queue")) as queue:
            queue.add(claim.message, SALES, [Addressee("member@example.net")], "t.1")
    except Exception:
        claim.release()
        raise
    claim.done()
    say("let go")


def sent_or_waiting(data: Path, said: list[str]) -> None:
    with closing(Queue(data / "queue")) as queue:
        queue.recover(grace=0)
        sent = [queue.message(each.envelope.queue_id).read() for each in QueueAdmin(queue).list(Select())]
    found = waiting(data)
    assert sent in ([], [TEXT])
    assert sent or found, "neither with the owner nor on its way"
    if said:
        assert sent and not found
    check_others_can(data, found)


WORKS = [
    Work("first numbers", nothing, number, never_given_again),
    Work("more numbers", nine, number, after_nine),
    Work("first held", nothing, hold, each_is_held),
    Work("decided", two_held, decide, decided_or_not),
    Work("let go", held, let_go, sent_or_waiting, queue=True),
]
every_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
without_queue = pytest.mark.parametrize(
    "work", [work for work in WORKS if not work.queue], ids=lambda work: work.name
)


def prepared(work: Work, data: Path) -> None:
    data.mkdir(parents=True)
    work.prepare(data)


def check(work: Work, data: Path, said: list[str], what: str) -> None:
    try:
        work.check(data, said)
    except Exception as error:
        error.add_note(f"{work.name}, {what}, acknowledged {said}: see {data}")
        raise
    shutil.rmtree(data)


@every_work
def test_killed_between_any_two_calls(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        data = ground / str(count)
        prepared(work, data)
        ended, said = calls.run(lambda say, data=data: work.do(data, say), calls.stop_before(count))
        check(work, data, said, f"stopped before call {count}")
        if ended:
            assert said and count > 3
            return


@every_work
def test_full_from_any_call_on(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        data = ground / str(count)
        prepared(work, data)
        said: list[str] = []
        try:
            with calls.hooked(calls.fail_at(count)):
                work.do(data, said.append)
            ended = True
        except Exception:
            ended = False
        check(work, data, said, f"full from call {count} on")
        if ended:
            return


class Killed(BaseException):
    pass


def killed_at(count: int, disk: Disk) -> calls.Hook:
    """The process ends before its `count`-th call: whatever it still would do does not happen."""
    left = count

    def hook(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        nonlocal left
        left -= not disk.building
        if left <= 0 and not disk.building:
            raise Killed
        return disk.hook(name, real, args)

    return hook


@without_queue
def test_power_fails_between_any_two_calls(work: Work, ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one was killed at any of its calls, and another one had gone on by then."""
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # rmtree by whole paths
    rng = random.Random(SEED)
    for count in itertools.count(1, 1 if LONG else 3):
        prepared(work, ground / "now")
        ended, cuts = cut_at_each_call(work, ground, count, rng)
        for left, told, what in cuts:
            check(work, left, told, what)
        shutil.rmtree(ground / "now")
        if ended:
            assert cuts[-1][1]
            return


def cut_at_each_call(
    work: Work, ground: Path, count: int, rng: random.Random
) -> tuple[bool, list[tuple[Path, list[str], str]]]:
    """Whether the first process came to its end; what power cuts leave, with what had been acknowledged."""
    said: list[str] = []
    cuts: list[tuple[Path, list[str], str]] = []

    def cut(call: int) -> None:
        for kind in (NONE, SOME, ALL, TWICE):
            left = ground / f"cut{len(cuts)}"
            disk.survive(left, kind, rng)
            cuts.append((left, list(said), f"killed before call {count}, power failed before {call}, {kind}"))

    disk = Disk(ground / "now", cut)
    try:
        with calls.hooked(killed_at(count, disk)):
            work.do(ground / "now", said.append)
        ended = True
    except Killed:
        ended = False
        if work.do is not decide:  # which would decide about the next post
            with calls.hooked(disk.hook):
                work.do(ground / "now", said.append)
    cut(0)
    return ended, cuts

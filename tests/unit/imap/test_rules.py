r"""Two clients on one mailbox, over sockets, doing anything in any order.

One is plain IMAP4rev1: it believes every EXISTS, EXPUNGE and FETCH, and no EXPUNGE may come while a command by
message numbers is under way (RFC 9051 §7.5.1). The other has QRESYNC: what it knows is kept by UID, MODSEQ never
goes back (RFC 7162 §3.1.1), and after being away, with what SELECT tells it, it knows what is there, and only that.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imap.sequence import parse
from tests.house import House, Site
from tests.wire import Wire

FETCH = re.compile(rb"\* (\d+) FETCH \((.*)\)\Z")
FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
UID = re.compile(rb"UID (\d+)")
MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
NUMBERED = (b"FETCH", b"STORE", b"SEARCH", b"COPY")  # RFC 9051 §7.5.1: no EXPUNGE while these are answered
MAIL = b"Subject: one\r\n\r\nbody\r\n"

names = itertools.count(1)
places = st.integers(0, 9)
flags = st.sampled_from([b"\\Seen", b"\\Flagged", b"\\Deleted", b"$Work"])
plain_steps = st.one_of(
    st.tuples(st.just("store"), places, st.sampled_from([b"+", b"-", b""]), flags),
    st.tuples(st.just("fetch"), places),
    st.tuples(st.just("copy"), places),
    st.sampled_from([("search",), ("expunge",), ("noop",), ("append",), ("idle",)]),
)
synced_steps = st.one_of(
    st.tuples(st.just("store"), places, st.sampled_from([b"+", b"-", b""]), flags),
    st.tuples(st.just("remove"), places),
    st.tuples(st.just("move"), places),
    st.sampled_from([("noop",), ("append",), ("away",), ("return",), ("expunge",)]),
)
stories = st.lists(
    st.one_of(st.tuples(st.just("plain"), plain_steps), st.tuples(st.just("synced"), synced_steps)),
    max_size=20,
)


def shown(text: bytes) -> frozenset[bytes]:
    found = FLAGS.search(text)
    return frozenset(found[1].split()) - {b"\\Recent"} if found else frozenset()


class Plain:
    """Flags by message number, None where they were not told."""

    def __init__(self, wire: Wire, mailbox: bytes) -> None:
        self.wire = wire
        self.mailbox = mailbox
        self.flags: list[frozenset[bytes] | None] = []

    async def begin(self) -> None:
        await self.do(b"SELECT " + self.mailbox)

    async def do(self, command: bytes) -> bytes:
        return self.hear(command, await self.wire.do(command))

    def hear(self, command: bytes, lines: list[bytes]) -> bytes:
        for line in lines[:-1]:
            if line.endswith(b" EXISTS"):
                count = int(line.split()[1])
                assert count >= len(self.flags), "EXISTS never takes messages away (RFC 9051 §7.4.1)"
                self.flags += [None] * (count - len(self.flags))
            elif line.endswith(b" EXPUNGE"):
                assert not command.startswith(NUMBERED), f"{line!r} in the answer to {command!r}"
                del self.flags[int(line.split()[1]) - 1]
            elif (match := FETCH.match(line)) and FLAGS.search(match[2]):
                self.flags[int(match[1]) - 1] = shown(match[2])
            assert b"VANISHED" not in line and b"MODSEQ" not in line.replace(b"HIGHESTMODSEQ", b"")
        return lines[-1]

    async def step(self, what: str, *more: Any) -> None:
        number = (int(more[0]) % len(self.flags)) + 1 if self.flags and more else 0
        if what in ("expunge", "search", "noop"):
            await self.do({"expunge": b"EXPUNGE", "search": b"SEARCH ALL", "noop": b"NOOP"}[what])
        elif what == "append":
            await self.do(b"APPEND %b {%d+}\r\n%b" % (self.mailbox, len(MAIL), MAIL))
        elif what == "idle":
            tag = self.wire.begin(b"IDLE")
            lines = []
            while not (line := await self.wire.line()).startswith(b"+"):
                lines.append(line.rstrip(b"\r\n"))
            self.wire.writer.write(b"DONE\r\n")
            self.hear(b"IDLE", lines + await self.wire.until(tag))
        elif number and what == "store":
            await self.do(b"STORE %d %bFLAGS (%b)" % (number, *more[1:]))
        elif number and what == "fetch":
            await self.do(b"FETCH %d (FLAGS)" % number)
        elif number and what == "copy":
            await self.do(b"COPY %d Archive" % number)

    async def check(self) -> None:
        """After a NOOP all that it knows is true."""
        await self.do(b"NOOP")
        known = list(self.flags)
        for number, one in enumerate(known, 1):
            reply = await self.wire.do(b"FETCH %d (FLAGS)" % number)
            assert len(reply) == 2
            assert one is None or shown(reply[0]) == one


class Synced:
    """Flags and mod-sequences by UID."""

    def __init__(self, wire: Wire, mailbox: bytes) -> None:
        self.wire = wire
        self.mailbox = mailbox
        self.known: dict[int, tuple[frozenset[bytes], int]] = {}
        self.count = 0
        self.validity = self.highest = 0
        self.away = True

    async def begin(self) -> None:
        await self.wire.do(b"ENABLE QRESYNC")
        await self.come_back()

    async def come_back(self) -> None:
        since = b" (QRESYNC (%d %d))" % (self.validity, self.highest) if self.highest else b""
        lines = await self.wire.do(b"SELECT " + self.mailbox + since)
        text = b"\n".join(lines)
        self.validity = number(rb"UIDVALIDITY (\d+)", text)
        highest = number(rb"HIGHESTMODSEQ (\d+)", text)
        assert highest >= self.highest, "MODSEQ never goes back (RFC 7162 §3.1.1)"
        self.count = number(rb"(\d+) EXISTS", text)
        self.hear(lines, counted=True)
        self.away = False
        await self.learn()
        self.highest = highest
        assert len(self.known) == self.count, "it knows as many messages as there are"

    async def learn(self) -> None:
        """UIDs that are new to it: EXISTS says how many."""
        last = max(self.known, default=0)
        lines = await self.wire.do(b"UID FETCH %d:* (FLAGS MODSEQ)" % (last + 1))
        self.hear(lines)

    def hear(self, lines: list[bytes], counted: bool = False) -> None:
        for line in lines[:-1]:
            assert not line.endswith(b" EXPUNGE"), "VANISHED is told instead (RFC 7162 §3.2.10)"
            if line.endswith(b" EXISTS"):
                self.count = int(line.split()[1])
            elif line.startswith(b"* VANISHED (EARLIER) "):
                self.forget(line.removeprefix(b"* VANISHED (EARLIER) "))
            elif line.startswith(b"* VANISHED "):
                gone = line.removeprefix(b"* VANISHED ")
                self.count -= sum(high - low + 1 for low, high in parse(gone).ranges)
                self.forget(gone)
            elif (match := FETCH.match(line)) and FLAGS.search(match[2]):
                uid, modseq = number(rb"UID (\d+)", match[2]), number(rb"MODSEQ \((\d+)\)", match[2])
                assert modseq >= self.known.get(uid, (frozenset(), 0))[1], (
                    "MODSEQ of a message never goes back"
                )
                self.known[uid] = shown(match[2]), modseq
        code = re.search(rb"OK \[HIGHESTMODSEQ (\d+)\]", lines[-1])
        if code and not counted:
            assert int(code[1]) >= self.highest

    def forget(self, gone: bytes) -> None:
        for low, high in parse(gone).ranges:
            for uid in [one for one in self.known if low <= one <= high]:
                del self.known[uid]

    async def do(self, command: bytes) -> None:
        self.hear(await self.wire.do(command))

    async def step(self, what: str, *more: Any) -> None:
        if what == "return" or self.away:
            if self.away:
                await self.come_back()
            return
        uids = sorted(self.known)
        uid = uids[int(more[0]) % len(uids)] if uids and more else 0
        if what == "away":
            await self.check()
            await self.do(b"UNSELECT")
            self.away = True
        elif what in ("noop", "expunge"):
            await self.do(what.upper().encode())
        elif what == "append":
            await self.do(b"APPEND %b {%d+}\r\n%b" % (self.mailbox, len(MAIL), MAIL))
        elif uid and what == "store":
            await self.do(b"UID STORE %d %bFLAGS (%b)" % (uid, *more[1:]))
        elif uid and what == "remove":
            await self.do(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
            await self.do(b"UID EXPUNGE %d" % uid)
        elif uid and what == "move":
            await self.do(b"UID MOVE %d Archive" % uid)

    async def check(self) -> None:
        """After a NOOP it knows what is there, and its HIGHESTMODSEQ is that of all it was told."""
        if self.away:
            await self.come_back()
        await self.do(b"NOOP")
        await self.learn()
        self.highest = max([self.highest, *(modseq for _, modseq in self.known.values())])
        lines = await self.wire.do(b"UID FETCH 1:* (FLAGS MODSEQ)")
        truth = {
            number(rb"UID (\d+)", line): (shown(line), number(rb"MODSEQ \((\d+)\)", line))
            for line in lines[:-1]
        }
        assert self.known == truth
        assert self.count == len(truth)


def number(pattern: bytes, text: bytes) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def address(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder: Path = tmp_path_factory.mktemp("rules")
    house = House(Site.make(folder, imap="{max_connections_per_account: 1000}"))
    runner.run(house.open())
    yield runner.run(house.imap())
    runner.run(house.close())


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories)
def test_whatever_two_clients_do(
    runner: asyncio.Runner, address: tuple[str, int], story: list[tuple[str, tuple[Any, ...]]]
) -> None:
    runner.run(_play(address, story))


async def _play(address: tuple[str, int], story: list[tuple[str, tuple[Any, ...]]]) -> None:
    mailbox = b"m%d" % next(names)
    async for plain, synced in _clients(address, mailbox):
        for who, (what, *more) in story:
            await (plain if who == "plain" else synced).step(str(what), *more)
        await plain.check()
        await synced.check()
        await synced.step("away")
        for what in (
            ("store", 1, b"+", b"\\Deleted"),
            ("append",),
            ("expunge",),
            ("store", 0, b"+", b"$Work"),
        ):
            await plain.step(*what)
        await synced.come_back()
        await synced.check()


async def _clients(address: tuple[str, int], mailbox: bytes) -> AsyncIterator[tuple[Plain, Synced]]:
    wires = [await Wire.open(address, "taro") for _ in range(2)]
    try:
        await wires[0].do(b"CREATE " + mailbox)
        for _ in range(3):
            await wires[0].do(b"APPEND %b {%d+}\r\n%b" % (mailbox, len(MAIL), MAIL))
        plain, synced = Plain(wires[0], mailbox), Synced(wires[1], mailbox)
        await plain.begin()
        await synced.begin()
        yield plain, synced
    finally:
        for wire in wires:
            wire.close()

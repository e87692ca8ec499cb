"""The supervisor: readiness, restart unseen by the others, back-off, watchdog, SIGHUP, bounded stop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kwcmaild.supervisor import Child, Patience, Program, Supervisor
from net.server import bind

PRELUDE = """
import os, signal, socket, sys
notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notices.connect(os.environ["NOTIFY_SOCKET"])
diary = open(sys.argv[1], "a", buffering=1)
def write(word): print(word, os.getpid(), file=diary)
signal.signal(signal.SIGTERM, lambda *_: (write("term"), sys.exit(0)))
signal.signal(signal.SIGHUP, lambda *_: write("hup"))
assert os.environ["LISTEN_PID"] == str(os.getpid())
"""
LIVE = "write('ready'); notices.send(b'READY=1')\nwhile True: signal.pause()"
ANSWER = """
sock = socket.socket(fileno=3); sock.setblocking(True); assert os.environ["LISTEN_FDS"] == "1"
write("ready"); notices.send(b"READY=1")
while True: conn = sock.accept()[0]; conn.sendall(b"%d" % os.getpid()); conn.close()
"""
ROOT = Path(__file__).resolve().parents[3]
QUICK = Patience(drain=60, watchdog=3600, first_pause=0.01, longest_pause=0.04, settled=60, echo=3600)


class Stage:
    """A supervisor under way, and what its children wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.supervisor: Supervisor
        self.ready = asyncio.Event()

    def program(self, name: str, body: str, *sockets: socket.socket) -> Program:
        diary = self.folder / name
        diary.touch()
        return Program(name, [sys.executable, "-S", "-c", PRELUDE + body, str(diary)], sockets)

    @asynccontextmanager
    async def run(self, *programs: Program, patience: Patience = QUICK) -> AsyncIterator[Supervisor]:
        self.supervisor = Supervisor(programs, self.ready.set, patience=patience)
        async with asyncio.timeout(90):
            task = asyncio.create_task(self.supervisor.run())
            try:
                yield self.supervisor
            finally:
                self.supervisor.stop()
                await task

    def said(self, name: str, word: str) -> list[int]:
        lines = (self.folder / name).read_text().split("\n")[:-1]
        return [int(line.split()[1]) for line in lines if line.split()[0] == word]

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def ask(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = await reader.read()
    writer.close()
    return int(answer)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_ready_when_each_is_ready_and_stop_lets_each_end(stage: Stage) -> None:
    programs = stage.program("a", LIVE), stage.program("b", LIVE)
    async with stage.run(*programs):
        await stage.ready.wait()
        assert len(stage.said("a", "ready")) == len(stage.said("b", "ready")) == 1
    assert stage.said("a", "term") == stage.said("a", "ready")
    assert stage.said("b", "term") == stage.said("b", "ready")


async def test_killed_child_comes_back_and_connections_wait_for_it(stage: Stage) -> None:
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with stage.run(stage.program("a", ANSWER, sock), stage.program("b", LIVE)):
        await stage.ready.wait()
        first = await ask(port)
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: gone(first))  # a dying process may still accept what is there
        second = await ask(port)  # not refused, though nobody may be there yet
        assert second != first
        assert stage.said("b", "ready") == stage.said("b", "ready")[:1]
    assert stage.said("b", "term") == stage.said("b", "ready")
    sock.close()


async def test_pause_doubles_while_a_child_keeps_failing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.run(stage.program("a", "write('start'); sys.exit(3)"), stage.program("b", LIVE)):
        await stage.until(lambda: len(stage.said("a", "start")) > 4)
        assert not stage.ready.is_set()
    ended = [record.fields for record in caplog.records if record.message == "process.ended"]  # type: ignore[attr-defined]
    assert [fields["again_in"] for fields in ended][:4] == [0.01, 0.02, 0.04, 0.04]
    assert {fields["status"] for fields in ended} == {3}


async def test_silent_child_is_ended_by_the_watchdog(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sign of life puts it off. When it is due is the loop's matter, and not waited for."""
    loop = asyncio.get_running_loop()
    later = loop.call_later
    set_off: dict[str, list[tuple[asyncio.TimerHandle, Callable[[], None]]]] = {"a": [], "b": []}

    def noted(delay: float, act: Callable[..., None], *args: Any, **more: Any) -> asyncio.TimerHandle:
        handle = later(delay, act, *args, **more)
        child = getattr(act, "__self__", None)
        if isinstance(child, Child) and delay == QUICK.watchdog:
            set_off[child.program.name].append((handle, act))
        return handle

    monkeypatch.setattr(loop, "call_later", noted)
    chatty = "import time\nwrite('ready'); notices.send(b'READY=1')\n"
    chatty += "while True: time.sleep(.05); notices.send(b'WATCHDOG=1')"
    async with stage.run(stage.program("a", LIVE), stage.program("b", chatty)):
        await stage.until(lambda: bool(set_off["a"]) and len(set_off["b"]) > 3)
        *put_off, (last, _) = set_off["b"]
        assert all(handle.cancelled() for handle, _ in put_off) and not last.cancelled()
        ((_, silent),) = set_off["a"]
        silent()
        await stage.until(lambda: len(stage.said("a", "ready")) > 1)
    assert len(stage.said("b", "ready")) == 1


async def test_hangup_is_passed_on(stage: Stage) -> None:
    async with stage.run(stage.program("a", LIVE), stage.program("b", LIVE)) as supervisor:
        await stage.ready.wait()
        supervisor.reload()
        await stage.until(lambda: bool(stage.said("a", "hup") and stage.said("b", "hup")))


async def test_deaf_child_is_killed_after_the_drain(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LIVE
    async with stage.run(stage.program("a", deaf), patience=Patience(drain=0.2)):
        await stage.ready.wait()
        pid = stage.said("a", "ready")[0]
    assert [record.fields["pid"] for record in caplog.records if record.message == "process.killed"] == [pid]  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_second_stop_does_not_wait(stage: Stage) -> None:
    deaf = "signal.signal(signal.SIGTERM, lambda *_: write('deaf'))\n" + LIVE
    async with stage.run(stage.program("a", deaf), patience=Patience(drain=3600, echo=0)) as supervisor:
        await stage.ready.wait()
        supervisor.stop()


async def test_an_order_to_stop_that_comes_twice_at_once_is_one(stage: Stage) -> None:
    async with stage.run(stage.program("a", LIVE)) as supervisor:
        await stage.ready.wait()
        supervisor.stop()
        supervisor.stop()
    assert stage.said("a", "term") == stage.said("a", "ready")


async def test_child_does_not_outlive_a_killed_supervisor(stage: Stage) -> None:
    program = stage.program("a", LIVE)
    source = (
        "import asyncio, sys; from kwcmaild.supervisor import *\n"
        "asyncio.run(Supervisor([Program('a', sys.argv[1:])], lambda: None).run())"
    )
    outer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, *program.command, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    async with asyncio.timeout(90):
        await stage.until(lambda: bool(stage.said("a", "ready")))
        outer.kill()
        await stage.until(lambda: stage.said("a", "term") == stage.said("a", "ready"))
        await outer.wait()


async def test_program_that_is_not_there_does_not_hurt_the_others(stage: Stage) -> None:
    missing = Program("missing", [str(stage.folder / "nothing")])
    async with stage.run(missing, stage.program("b", LIVE)):
        await stage.until(lambda: bool(stage.said("b", "ready")))

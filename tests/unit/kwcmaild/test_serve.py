"""What the supervisor runs, and several workers behind one socket."""

import json
import os
import poplib
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.load import load_settings
from kwcmaild.demo import PORTS, Demo, prepare
from kwcmaild.listeners import ROOMS
from kwcmaild.serve import bind_all, programs

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return prepare(tmp_path / "demo", dict.fromkeys(PORTS, 0))


def test_one_process_a_room_or_as_many_as_it_has_workers(demo: Demo) -> None:
    settings = load_settings(demo.settings)
    imap = settings.imap.model_copy(update={"workers": 2})
    settings = settings.model_copy(update={"imap": imap})
    bound = bind_all(settings)
    found = {program.name: program for program in programs(demo.settings, settings, bound)}
    assert list(found) == ["smtp", "imap.1", "imap.2", "pop3", "relay", "web"]
    assert found["smtp"].command[-3:] == ["smtp", "-c", str(demo.settings)]
    assert found["imap.2"].command[-5:] == ["imap", "--worker", "2", "-c", str(demo.settings)]
    assert found["imap.1"].sockets == found["imap.2"].sockets
    assert [len(found[name].sockets) for name in ("smtp", "imap.1", "pop3", "relay", "web")] == [
        3,
        2,
        2,
        0,
        1,
    ]
    assert list(bound) == list(ROOMS)
    for listeners in bound.values():
        for listener in listeners:
            listener.sock.close()


class Running:
    """`kwcmaild pop3` with two workers, and its log as it is written."""

    def __init__(self, demo: Demo) -> None:
        text = demo.settings.read_text().replace("pop3:\n", "pop3:\n  workers: 2\n")
        demo.settings.write_text(text + "log: {format: json}\n")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kwcmaild", "pop3", "-c", str(demo.settings)],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        self.demo = demo
        self.serving: dict[int, str] = {}  # pid: addresses

    def until(self, event: str, times: int = 1) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            told = json.loads(line)
            if told["event"] == "process.serving":
                self.serving[told["pid"]] = told["addresses"]
            if told["event"] == event:
                times -= 1
                if not times:
                    return
        raise AssertionError(f"it ended before {event}")

    def read_mail(self) -> None:
        port = int(next(iter(self.serving.values())).split(",")[1].rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(self.demo.ca))
        client = poplib.POP3_SSL("localhost", port, context=context, timeout=60)
        client.user("taro@example.test")
        client.pass_(self.demo.passwords["taro@example.test"])
        assert client.stat() == (0, 0)
        client.quit()


@pytest.fixture
def running(demo: Demo) -> Iterator[Running]:
    running = Running(demo)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        assert running.process.stderr is not None
        running.process.stderr.close()


def test_workers_share_the_sockets_and_come_back_alone(running: Running) -> None:
    running.until("process.ready", times=2)
    first, second = running.serving
    assert running.serving[first] == running.serving[second]
    running.read_mail()
    os.kill(first, signal.SIGKILL)
    running.until("process.ended")
    running.read_mail()
    running.until("process.ready")
    assert len(running.serving) == 3
    running.read_mail()
    running.process.send_signal(signal.SIGTERM)
    running.until("process.stopped", times=2)
    assert running.process.wait(60) == 0
    with pytest.raises(OSError):
        os.kill(second, 0)


def test_a_supervisor_that_cannot_bind_starts_nothing(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = demo.settings.read_text().replace("127.0.0.1:0", address, 1)
        demo.settings.write_text(text)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "kwcmaild", "serve", "-c", str(demo.settings)],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"smtp: cannot listen on {address}: another program has that port")
    assert not (demo.folder / "data").exists()

"""`kwcmaild relay` is killed with SIGKILL while it sends, again and again, and started again.

Every message that the queue acknowledged arrives, for each of its recipients; and what comes twice is at most the
last letter of a connection that was cut off. Two relay processes share the queue in every other round.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.bus import Bus
from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import TRY_ALL, Queue
from storage.queue.queued import Addressee
from tests.clients.daemons import ROOT
from tests.crash.leases import give_back
from tests.crash.peer import Peer
from tests.crash.rounds import LONG, ROUNDS, SEED
from tests.log import Log

CONNECTIONS = 4  # of each process, at most
MESSAGES = 60  # in a round
KILLS = 3 if LONG else 1
START = 120.0

CONFIG = """\
hostname: mail.example.test
data: data
run: run
domains: domains
log: {{level: info, format: json}}
queue:
  smarthost: {{address: "127.0.0.1:{port}", tls: none}}
  connections: {connections}
  connections_per_destination: {connections}
  retry: [1s]
"""


class Relay:
    """Some relay processes over one queue."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.config = folder / "kwcmaild.yaml"
        self.config.write_text(CONFIG.format(port=port, connections=2 * CONNECTIONS))
        for name in ("data", "run", "domains"):
            (folder / name).mkdir()
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, count: int) -> None:
        logs = [self._launch() for _ in range(count)]
        for log in logs:
            log.wait("process.serving", timeout=START)

    def _launch(self) -> Log:
        command = [sys.executable, "-m", "kwcmaild", "relay", "-c", str(self.config)]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT
        )
        self._processes.append(process)
        log = Log()
        log.follow(process, self.folder / "relay.log")
        return log

    def kill(self) -> int:
        """All of them; how many."""
        count = len(self._processes)
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()
        return count


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def test_a_killed_relay_loses_nothing_and_repeats_one_letter_for_each_connection(
    tmp_path: Path, peer: Peer
) -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    relay = Relay(tmp_path, peer.port)
    queue = Queue(tmp_path / "data" / "queue")
    bus = Bus(tmp_path / "run")
    sent: set[tuple[str, str]] = set()
    kills = 0
    try:
        for each in range(ROUNDS):
            sent |= add(queue, each)
            for _ in range(KILLS):
                relay.start(1 + each % 2)
                wanted = min(len(sent), peer.taken.total() + rng.randint(1, 2 * MESSAGES // KILLS))
                until(lambda wanted=wanted: len(peer.taken) >= wanted)
                time.sleep(rng.random() / 50)  # anywhere between two letters
                kills += relay.kill()
                give_back(queue)
            relay.start(1)
            bus.publish(TRY_ALL)
            until(lambda: not QueueAdmin(queue).stats().messages)
            relay.kill()
        assert set(peer.taken) == sent
        repeated = peer.repeated()
        print(
            f"{len(sent)} sent, {kills} kills, {len(repeated)} repeated over {peer.connections} connections"
        )
        assert all(was_last for _, was_last in repeated)
    except Exception as error:
        error.add_note(f"KWCMAILD_CRASH_SEED={SEED}; see {tmp_path}")
        raise
    finally:
        relay.kill()
        queue.close()
        bus.close()


def add(queue: Queue, number: int) -> set[tuple[str, str]]:
    """Messages with some recipients each; what is to arrive."""
    made = set()
    for message in range(MESSAGES):
        name = f"<{number}.{message}@example.test>"
        recipients = [f"r{n}.{message}@else.test" for n in range(1 + message % 3)]
        text = f"Message-ID: {name}\r\n\r\n{'x' * 70}\r\n".encode()
        queue.add(Message.of(text), "me@example.test", [Addressee(each) for each in recipients], "t")
        made |= {(name, each) for each in recipients}
    return made


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "not sent in time"
        time.sleep(0.02)

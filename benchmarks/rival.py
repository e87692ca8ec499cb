"""Postfix and Dovecot together as one server."""

from pathlib import Path

from benchmarks.dovecot import HIBERNATE, IDLE_KILL, Dovecot
from benchmarks.group import Group
from benchmarks.postfix import Postfix
from benchmarks.server import PEOPLE, free_ports
from benchmarks.sinks import Sinks


class Rival:
    name = "Postfix + Dovecot"
    authenticates = False  # it trusts this machine

    def __init__(self, work: Path, disk: Path, tls: tuple[Path, Path], sinks: Sinks) -> None:
        folder = work / "rival"
        folder.mkdir(mode=0o755)
        (disk / "rival").mkdir(mode=0o755)
        self.ports = free_ports()
        self.group = Group("rival")
        self._dovecot = Dovecot(folder, disk / "rival", self.ports, tls)
        self._postfix = Postfix(folder, disk / "rival", self.ports, self._dovecot.lmtp, tls, sinks)

    def start(self) -> None:
        self._dovecot.start(self.group)
        self._postfix.start(self.group)

    def stop(self) -> None:
        self._postfix.stop()
        self._dovecot.stop()
        self.group.end()

    def sign(self, yes: bool) -> None:
        """Postfix does not; a milter would."""

    def restart(self) -> None:
        self._dovecot.stop()
        self._dovecot.start(self.group)

    def maildir(self, local: str) -> Path:
        return self._dovecot.maildir(local)

    def make_cold(self, local: str) -> None:
        self._dovecot.stop()
        self._dovecot.forget_cache(local)
        self._dovecot.start(self.group)

    def add_people(self) -> None:
        self._dovecot.add(PEOPLE)

    def index_text(self, local: str) -> None:
        """Debian's Dovecot has none without a plugin and another server."""

    def wait_hibernation(self) -> float:
        return HIBERNATE + IDLE_KILL + 20

    def halt(self) -> None:
        self._postfix.stop()

    def resume(self) -> None:
        self._postfix.start(self.group)

    def queued(self) -> int:
        return self._postfix.queued()

    def fill(self, count: int, domain: str) -> None:
        self._postfix.fill(count, domain)

    def keep_texts(self, yes: bool) -> None:
        """Debian's Dovecot has none without another server."""

    def send_alone(self, domain: str) -> tuple[float, int] | None:
        return None

    def empty(self) -> None:
        self._postfix.empty()

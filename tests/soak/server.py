"""The whole server under `kwcmaild serve`, of whose log only what tells of trouble is kept."""

import json
import signal
from pathlib import Path

from kwcmaild.demo import DOMAIN
from tests.clients.daemons import Daemons, Login

USERS = ("aoi", "haruto", "mei", "sora", "yui", "ren")
QUOTA = 1 << 30


class Server(Daemons):
    """Besides the accounts of the demo some users, whose mail is worked on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.users: list[Login] = [self.account(local) for local in USERS]
        self.trouble: list[str] = []

    def reload(self) -> None:
        """SIGHUP: all processes read the configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def domain_folder(self) -> Path:
        return self.folder / "domains" / DOMAIN

    def _read(self) -> None:
        assert self.process.stderr is not None
        with (self.folder / "log").open("w") as copy:
            for line in self.process.stderr:
                event = json.loads(line) if line.startswith("{") else {"event": "?", "level": "error"}
                if event["level"] in ("error", "critical"):
                    self.trouble.append(line)
                    copy.write(line)
                    copy.flush()
                if event["event"].startswith("process."):
                    with self._news:
                        self._lines.append(event)
                        self._news.notify_all()

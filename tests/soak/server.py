"""The whole server under `kwcmaild serve`, of whose log only what tells of trouble is kept."""

import signal
from pathlib import Path
from typing import Any

from kwcmaild.demo import DOMAIN
from tests.clients.daemons import Daemons, Login

USERS = ("aoi", "haruto", "mei", "sora", "yui", "ren")
MUCH = (
    "send_limit: {messages_per_hour: 1000000, messages_per_day: 1000000,"
    " recipients_per_hour: 1000000, recipients_per_day: 1000000}\n"
)


class Server(Daemons):
    """Besides the accounts of the demo some users, whose mail is worked on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.users: list[Login] = [self.account(local, MUCH) for local in USERS]
        self.trouble: list[str] = []

    def wanted(self, event: dict[str, Any]) -> bool:
        trouble = event.get("level", "error") in ("error", "critical")
        if event["event"] == "directory.broken" and event["last_good"]:
            return False  # an editor was slow, between cutting a file and filling it
        if trouble:
            self.trouble.append(f"{event}\n")
        return trouble or event["event"].startswith("process.")

    def reload(self) -> None:
        """SIGHUP: all processes read the configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def domain_folder(self) -> Path:
        return self.folder / "domains" / DOMAIN

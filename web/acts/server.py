"""The server as people see it: names, limits and contact for everybody; processes and disk for its operator.

A door lives if it takes a connection; the relay process, which has none, if it holds its lock. So what is shown
is what others would meet, and not what a supervisor believes.
"""

import asyncio
import contextlib
import fcntl
import os
import platform
import shutil
import sqlite3
import ssl
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

from config.settings import Settings
from web.office import Office
from web.person import Person, Right, allow
from web.programs.servers import MailServer, servers

PATIENCE = 2.0  # seconds that a door has to take a connection
STARTED = time.time()

Process = Literal["smtp", "imap", "pop3", "relay", "web"]


@dataclass(frozen=True, slots=True)
class Information:
    """What everybody may know."""

    hostname: str
    servers: tuple[MailServer, ...]
    max_message: int
    connections: int  # of IMAP, of one account at once
    tls: str
    contact: str
    support: str | None
    manual: str | None


@dataclass(frozen=True, slots=True)
class Door:
    """A process, or one of the addresses on which it listens."""

    process: Process
    address: str  # empty: none
    mode: str
    lives: bool


@dataclass(frozen=True, slots=True)
class State:
    """What its operator may know besides."""

    doors: tuple[Door, ...]
    version: str
    python: str
    sqlite: str
    openssl: str
    system: str
    disk_size: int  # octets of the file system of `data`
    disk_free: int
    keep_free: int
    load: tuple[float, float, float]
    started: float  # of this process
    certificate: str  # names
    certificate_until: float | None


async def information(office: Office, person: Person) -> Information:
    allow(person, Right.SERVER_INFO)
    settings = office.settings()
    return Information(
        settings.hostname,
        servers(settings),
        settings.smtp.max_message,
        settings.imap.max_connections_per_account,
        settings.tls.minimum,
        settings.web.contact,
        settings.web.support,
        settings.web.manual,
    )


async def state(office: Office, person: Person) -> State:
    allow(person, Right.SERVER_SEE)
    settings = office.settings()
    doors = await asyncio.gather(*(_door(*each) for each in _listening(settings)))
    relay, usage, certificate = await office.run(_on_disk, settings)
    return State(
        doors=(*doors, Door("relay", "", "", relay)),
        version=_version(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        openssl=ssl.OPENSSL_VERSION,
        system=f"{platform.system()} {platform.release()}",
        disk_size=usage.total,
        disk_free=usage.free,
        keep_free=settings.storage.keep_free,
        load=os.getloadavg(),
        started=STARTED,
        certificate=certificate[0],
        certificate_until=certificate[1],
    )


def _listening(settings: Settings) -> Sequence[tuple[Process, str, str, int, str, str | None]]:
    """Process, mode, host, port, as it is written, and the path of a Unix socket."""
    found: list[tuple[Process, str, str, int, str, str | None]] = [
        ("smtp", one.mode, one.host, one.port, one.address, one.path) for one in settings.smtp.listen
    ]
    rooms: tuple[tuple[Process, Sequence[object]], ...] = (
        ("imap", settings.imap.listen),
        ("pop3", settings.pop3.listen),
        ("web", settings.web.listen),
    )
    for room, listens in rooms:
        for one in listens:
            mode = "tls" if one.tls == "implicit" else one.tls  # type: ignore[attr-defined]
            found.append((room, mode, one.host, one.port, one.address, None))  # type: ignore[attr-defined]
    return found


async def _door(process: Process, mode: str, host: str, port: int, address: str, path: str | None) -> Door:
    """Does somebody take a connection there? It is closed at once, without a word."""
    try:
        if path is not None:
            opening = asyncio.open_unix_connection(path)
        else:
            opening = asyncio.open_connection(_reachable(host), port)
        _, writer = await asyncio.wait_for(opening, PATIENCE)
    except (OSError, TimeoutError):
        return Door(process, address, mode, False)
    with contextlib.suppress(OSError, AttributeError):
        writer.transport.abort()
    return Door(process, address, mode, True)


def _reachable(host: str) -> str:
    """An address of this machine for one that stands for all of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _on_disk(settings: Settings) -> tuple[bool, "shutil._ntuple_diskusage", tuple[str, float | None]]:
    return (
        _relay_lives(settings.run),
        shutil.disk_usage(settings.data),
        _certificate(settings.tls.certificate),
    )


def _relay_lives(run: Path) -> bool:
    """A relay process keeps a file of `<run>/relay/` locked."""
    for path in (run / "relay").glob("*"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def _certificate(path: Path | None) -> tuple[str, float | None]:
    """The names of the certificate that is shown to clients without a name of their own, and its end."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes()) if path else None
        if certificate is None:
            return "", None
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        shown = ", ".join(str(name) for name in names.get_values_for_type(x509.DNSName))
    except (OSError, ValueError, x509.ExtensionNotFound):
        return "", None
    return shown, certificate.not_valid_after_utc.timestamp()


def _version() -> str:
    """As the project's own file says, which is installed with the rooms."""
    try:
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    except (OSError, ValueError, KeyError):
        return ""
    return str(project.get("version", ""))

"""A small site on disk, and the doors of the server in this process, each on a port of its own.

`Site` is what an operator would have written: kwcmaild.yaml, a certificate, the domain example.test with the
accounts taro and hanako. `House` opens the store over it and the doors that a test asks for.
"""

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import argon2

from config.load import load_settings
from config.settings import Listen, Settings, SmtpListen
from net.connection import Connection
from net.server import Server, bind
from net.tls import Contexts
from tests import wire
from tests.certificate import make_certificate

HOSTNAME = "mail.example.test"
DOMAIN = "example.test"
PASSWORDS = {"taro": "tarosecret", "hanako": "hanakosecret"}


_replaced: deque[int] = deque()  # descriptors


def put(path: Path, text: str) -> Path:
    """Write a file as programs and most editors do: what is written in place is not believed at once.

    What it replaces stays open for a while. Else the next file but one would get its inode on most file systems,
    and look, to whoever has not seen the one between, as if it had been changed in place."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o600)
    if path.exists():
        _replaced.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        if len(_replaced) > 16:
            os.close(_replaced.popleft())
    return new.rename(path)


@dataclass(frozen=True)
class Site:
    """The operator's files in one directory."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, **settings: str) -> "Site":
        """Write the files. `settings` are further top-level keys, each as the YAML of its value."""
        make_certificate(folder, HOSTNAME)
        lines = {
            "hostname": HOSTNAME,
            "data": "data",
            "run": "run",
            "domains": "domains",
            "tls": f"{{certificate: {HOSTNAME}.pem, key: {HOSTNAME}.key}}",
            "auth": "{plaintext_without_tls: loopback}",
            "filters": "{spam: {engine: none}}",  # stored mail is what was sent
            **settings,
        }
        text = "".join(f"{key}: {value}\n" for key, value in lines.items())
        (folder / "kwcmaild.yaml").write_text(text)
        for name in ("data", "run", f"domains/{DOMAIN}/accounts"):
            (folder / name).mkdir(parents=True)
        (folder / f"domains/{DOMAIN}/domain.yaml").write_text("capacity: 100G\n")
        site = cls(folder)
        for local in PASSWORDS:
            site.write_account(local)
        return site

    @property
    def settings(self) -> Settings:
        return load_settings(self.folder / "kwcmaild.yaml")

    def configure(self, **settings: str) -> None:
        """Change top-level keys of kwcmaild.yaml, each given as the YAML of its value."""
        path = self.folder / "kwcmaild.yaml"
        kept = [line for line in path.read_text().splitlines() if line.partition(":")[0] not in settings]
        path.write_text("\n".join([*kept, *(f"{key}: {value}" for key, value in settings.items())]) + "\n")

    @property
    def certificate(self) -> Path:
        return self.folder / f"{HOSTNAME}.pem"

    def write_account(self, local: str, more: str = "", password: str | None = None) -> Path:
        """Write the file of an account; `more` is further YAML."""
        hashed = _cheap_hash(password or PASSWORDS[local])
        path = self.folder / f"domains/{DOMAIN}/accounts/{local}.yaml"
        return put(path, f'password: "{hashed}"\nquota: 1G\n{more}')


@cache
def _cheap_hash(password: str) -> str:
    """Argon2id with next to no work: the tests log in often."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


def _unhurried(settings: Settings) -> Settings:
    """Tests make many errors on purpose: nobody is made to wait for them, but where the file says so."""
    if "tarpit" in settings.smtp.model_fields_set:
        return settings
    return settings.model_copy(update={"smtp": settings.smtp.model_copy(update={"tarpit": 0})})


class House:
    """The store over a site, and the doors opened so far. All in this process and event loop."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.settings = _unhurried(site.settings)
        self.contexts = Contexts(self.settings.tls)
        self.store: Any = None
        self.imap_door: Any = None  # the one opened last
        self.servers: list[Server] = []
        self.closing: list[Callable[[], Awaitable[None]]] = []
        self.opened: list[Callable[[], None]] = []  # that the store's threads use
        self.listen_more: dict[str, Any] = {}  # further settings of SMTP listeners

    async def open(self) -> "House":
        from storage.store import Store

        self.store = await Store.open(self.settings)
        return self

    async def close(self) -> None:
        await asyncio.gather(*(server.stop(wait=1) for server in self.servers))
        await wire.hang_up(server.address for server in self.servers)
        for close in self.closing:
            await close()
        if self.store is not None:
            await self.store.close()
        for close_one in self.opened:
            close_one()

    async def pop3(self, tls: str = "starttls") -> tuple[str, int]:
        """Open a POP3 door; the address it listens on."""
        from pop3.door import Pop3Door
        from pop3.serve import serve

        door = Pop3Door(self.settings, self.store, self.contexts)
        self.opened.append(door.close)
        return await self.listen(partial(serve, door), Listen(address="127.0.0.1:0", tls=tls), door.busy)

    async def imap(self, tls: str = "starttls") -> tuple[str, int]:
        from imap.door import ImapDoor
        from imap.serve import serve

        door = self.imap_door = ImapDoor(self.settings, self.store, self.contexts)
        self.opened.append(door.close)
        return await self.listen(partial(serve, door), Listen(address="127.0.0.1:0", tls=tls), door.busy)

    async def smtp(self, tls: str = "starttls", mode: str = "mx") -> tuple[str, int]:
        from filters.build import build
        from smtp.door import SmtpDoor
        from smtp.serve import serve

        pipeline = build(self.settings, self.store)
        self.opened.append(pipeline.close)
        door = SmtpDoor(self.settings, self.store, pipeline, self.contexts)
        more = self.listen_more if mode != "lmtp" else {}
        listen = SmtpListen(address="127.0.0.1:0", tls="none" if mode == "lmtp" else tls, mode=mode, **more)
        return await self.listen(partial(serve, door), listen, door.busy)

    async def office(self) -> Any:
        """What the panel works with (`web.office.Office`); closed with the house."""
        from filters.build import build
        from kwcmaild.posting import post
        from net.resolver import Resolver
        from storage.people.roster import Roster
        from storage.queue.queue import Queue
        from storage.state.panel import Panel
        from web.jobs import Jobs
        from web.office import Office

        queue = await self.store.run(Queue.of, self.store)
        resolver = Resolver(("127.0.0.1:1",))  # nobody is asked
        pipeline = build(self.settings, self.store, queue, resolver)
        panel = Panel(self.settings.data / "state", self.store.clock)

        async def close() -> None:
            jobs.close()
            await resolver.close()

        self.closing.append(close)
        self.opened += [pipeline.close, panel.close, queue.close]
        send = partial(post, pipeline)
        roster, jobs = Roster(self.settings.data / "state"), Jobs(self.store.clock)
        self.opened.append(roster.close)
        decide = pipeline.decide
        return Office(lambda: self.settings, self.store, panel, queue, resolver, send, decide, roster, jobs)

    async def listen(
        self, handle: Callable[[Connection, Any], Awaitable[None]], listen: Listen, busy: bytes
    ) -> tuple[str, int]:
        context = self.contexts.context if listen.tls == "implicit" else None
        server = Server(
            bind(listen.host, 0),
            partial(_call, handle, listen),
            context,
            busy=busy,
            proxy_from=getattr(listen, "proxy_from", ()),
        )
        await server.start()
        self.servers.append(server)
        return server.address

    def client_context(self) -> ssl.SSLContext:
        """A client that trusts the site's certificate."""
        return ssl.create_default_context(cafile=str(self.site.certificate))

    async def put(self, local: str, mailbox: str, data: bytes, flags: Sequence[str] = ()) -> int:
        """Append a message to a mailbox (made when it is missing); its UID."""
        from storage.appending import Appended
        from storage.errors import MailboxMissing
        from storage.message import Message

        account = self.store.account(f"{local}@{DOMAIN}")
        await account.ensure()
        try:
            opened = await account.open(mailbox)
        except MailboxMissing:
            await account.create(mailbox)
            opened = await account.open(mailbox)
        try:
            message = Appended(Message.of(data), frozenset(flags), 1_700_000_000)
            return (await opened.append([message]))[0]
        finally:
            opened.release()


async def _call(
    handle: Callable[[Connection, Any], Awaitable[None]], listen: Any, connection: Connection
) -> None:
    await handle(connection, listen)

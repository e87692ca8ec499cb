"""What pages, API and acts work with: the store, the panel's own state, the queue, DNS, and a way to send mail.

One for each process, made by the hall. It answers the one question that every request begins with: whose session
is this, and who is that now? The answer is looked up anew each time, in one hop to a thread, from the account's
and the domains' files: who was suspended, deleted or relieved of rights is so at the next click, who was given some
is so within two seconds (at once where it was done in this process).
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ParamSpec, Protocol, TypeVar

from config.account import AccountFile
from config.domain import Part
from config.settings import Settings
from net.resolver import Resolver
from storage.people.directory import Directory
from storage.people.roster import Roster
from storage.queue.queue import Queue
from storage.state.panel import Panel, Session
from storage.status import Status
from storage.store import Store
from web.banner import Banner
from web.deletions import Deletions
from web.dns_looks import DnsLooks
from web.jobs import Jobs
from web.person import Person
from web.roles import Roles

P = ParamSpec("P")
T = TypeVar("T")


class Send(Protocol):
    """Submit a message as one of our accounts, through every check, as port 587 does; given by the hall."""

    def __call__(self, message: bytes, author: str, to: Sequence[str]) -> Awaitable[Status]: ...


class Decide(Protocol):
    """Let a post that waits at a list go, or refuse it; False where it waits no more. Given by the hall."""

    def __call__(self, token: str, *, let_go: bool, by: str) -> Awaitable[bool]: ...


@dataclass(frozen=True, slots=True)
class Entered:
    """Whose request this is: the person, and the session that says so."""

    person: Person
    session: Session


@dataclass(frozen=True, slots=True)
class Office:
    """Everything behind the panel. `settings` is asked each time: it may have been read again."""

    settings: Callable[[], Settings]
    store: Store
    panel: Panel
    queue: Queue
    resolver: Resolver
    send: Send
    decide: Decide
    roster: Roster
    jobs: Jobs
    deletions: Deletions = field(default_factory=Deletions)
    banner: Banner = field(default_factory=Banner)
    roles: Roles = field(default_factory=Roles)
    dns_looks: DnsLooks = field(default_factory=DnsLooks)

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One hop to a store thread."""
        return await self.store.run(fn, *args, **kwargs)

    @property
    def directory(self) -> Directory:
        return self.store.directory

    def now(self) -> float:
        return self.store.clock()

    async def enter(self, secret: str) -> Entered | None:
        """Who has this session; None when it has ended."""
        return await self.run(self._enter, secret)

    async def person(self, address: str) -> Person | None:
        """Who an account is now; None where it is gone or suspended (for API tokens)."""
        return await self.run(self._person, address)

    async def audit(
        self,
        person: Person | str,
        action: str,
        *,
        domain: str = "",
        subject: str = "",
        details: str = "",
        peer: str = "",
    ) -> None:
        """Write down who did what: `action` is a right's name, `subject` an address or a domain."""
        actor = person if isinstance(person, str) else person.address
        peer = peer or (person.peer if isinstance(person, Person) else "")
        domain = domain or subject.rpartition("@")[2]
        await self.run(
            self.panel.note, actor, action, domain=domain, subject=subject, details=details, peer=peer
        )

    def _enter(self, secret: str) -> Entered | None:
        web = self.settings().web
        session = self.panel.session(secret, idle=web.session_idle, most=web.session_most)
        if session is None:
            return None
        account = self._account(session.account)
        if account is None or account.suspended or session.mark != mark_of(account):
            self.panel.end(session.account, session.id)
            return None
        person = replace(person_of(self.directory, self.roles, session.account), peer=session.peer)
        return Entered(person, session)

    def _person(self, address: str) -> Person | None:
        account = self._account(address)
        return person_of(self.directory, self.roles, address) if account and not account.suspended else None

    def _account(self, address: str) -> AccountFile | None:
        entry = self.directory.account(address)  # Broken is temporary: the request fails, the session stays
        return entry.file if entry else None


def mark_of(account: AccountFile) -> str:
    """Stands for what an account signs in with: another password or second factor gives another mark."""
    factor = account.two_factor.secret if account.two_factor else ""
    return hashlib.sha256(f"{account.password!r}\0{factor}".encode()).hexdigest()[:32]


def person_of(directory: Directory, roles: Roles, address: str) -> Person:
    """Who an account is, by the files as they are now. For a thread."""
    operator = address in directory.settings.operators
    domains: dict[str, frozenset[Part]] = {}
    above: set[str] = set() if operator else set(directory.settings.operators)
    for domain, contract in roles.of(directory, address):
        parts = [each.may for each in contract.administrators if each.address == address]
        domains[domain] = frozenset() if () in parts else frozenset(part for may in parts for part in may)
        if domains[domain] and not operator:
            above.update(each.address for each in contract.administrators if not each.may)
    return Person(address, operator, domains, above=frozenset(above - {address}))

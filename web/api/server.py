"""The server: what mail programs and people need to know, and its state for the operator."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.acts import server
from web.api.operation import Answer, Call, Operation
from web.api.shapes import Out, moment, moment_or_none
from web.person import Right


class MailServer(Out):
    """An address that a mail program can be pointed at."""

    protocol: Literal["imap", "pop3", "smtp"]
    host: str
    port: int
    encryption: Literal["tls", "starttls"]


class Information(Out):
    """Names, ports and limits."""

    hostname: str
    servers: list[MailServer] = Field(description="The best first.")
    max_message: int
    imap_connections: int = Field(description="Of one account at once.")
    tls: str = Field(description="The oldest version that is spoken.")
    contact: str
    support: str | None
    manual: str | None


class Door(Out):
    """A process, or one of the addresses on which it listens."""

    process: Literal["smtp", "imap", "pop3", "relay", "web"]
    address: str
    mode: str
    lives: bool


class State(Out):
    """Processes, versions, disk."""

    doors: list[Door]
    version: str
    python: str
    sqlite: str
    openssl: str
    system: str
    disk_size: int
    disk_free: int
    keep_free: int
    load: list[float]
    started: datetime
    certificate: str
    certificate_until: datetime | None


class Self(Out):
    """Whose token this is, and what it may."""

    address: str
    operator: bool
    domains: dict[str, list[str]] = Field(description="Administered domains; the parts, none: everything.")
    scopes: list[str]
    expires: datetime | None


async def information(call: Call[None, None]) -> Answer:
    found = await server.information(call.office, call.person)
    return Answer(
        Information(
            hostname=found.hostname,
            servers=[
                MailServer(protocol=each.protocol, host=each.host, port=each.port, encryption=each.encryption)
                for each in found.servers
            ],
            max_message=found.max_message,
            imap_connections=found.connections,
            tls=found.tls,
            contact=found.contact,
            support=found.support,
            manual=found.manual,
        )
    )


async def state(call: Call[None, None]) -> Answer:
    found = await server.state(call.office, call.person)
    return Answer(
        State(
            doors=[
                Door(process=each.process, address=each.address, mode=each.mode, lives=each.lives)
                for each in found.doors
            ],
            version=found.version,
            python=found.python,
            sqlite=found.sqlite,
            openssl=found.openssl,
            system=found.system,
            disk_size=found.disk_size,
            disk_free=found.disk_free,
            keep_free=found.keep_free,
            load=list(found.load),
            started=moment(found.started),
            certificate=found.certificate,
            certificate_until=moment_or_none(found.certificate_until),
        )
    )


async def who(call: Call[None, None]) -> Answer:
    person, token = call.person, call.token
    return Answer(
        Self(
            address=person.address,
            operator=person.operator,
            domains={domain: sorted(parts) for domain, parts in sorted(person.domains.items())},
            scopes=sorted(token.scopes),
            expires=moment_or_none(token.expires),
        )
    )


OPERATIONS = (
    Operation("GET", "/own", "getSelf", Right.SIGNED_IN, "Whose token this is, and what it may.", who, gives=Self),
    Operation(
        "GET", "/server", "getServer", Right.SERVER_INFO, "Names, ports and limits for mail programs; contact.",
        information, gives=Information,
    ),
    Operation(
        "GET", "/server/state", "getServerState", Right.SERVER_SEE, "Processes, versions, disk.",
        state, gives=State,
    ),
)  # fmt: skip

"""What the operator decides: `kwcmaild.yaml`.

Attributes are named as the YAML keys; each has its type, its default and one sentence here and nowhere else.
Sizes are bytes, times are seconds, paths are absolute once loaded. Values are frozen: at SIGHUP the hall
makes a new `Settings` and hands it round.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.filters import Filters
from config.imap import Capability
from config.listen import Count, Listen, ProxiedListen, TlsVersion, Workers
from config.mta_sts import MtaSts
from config.outbound import Family, OutboundTls, Port, Route, Smarthost, Timeouts
from config.smtp import Smtp, SmtpListen
from config.traces import Traces
from config.units import DAY, GIB, HOUR, KIB, MIB, MINUTE, TIB
from config.values import (
    Duration,
    FilePath,
    HostName,
    ListenAddress,
    NameServer,
    OwnAddress,
    OwnDomain,
    Section,
    Size,
    WebAddress,
    section,
)

__all__ = [
    "Auth",
    "CertificatePair",
    "Imap",
    "Listen",
    "Log",
    "Metrics",
    "Pop3",
    "Queue",
    "Resolver",
    "Service",
    "Settings",
    "Smtp",
    "SmtpListen",
    "Storage",
    "Tls",
    "Web",
]

Mechanism = Literal["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]


class Log(Section):
    """What the processes write to standard error, one line an event."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least grave event that is written."
    )
    format: Literal["text", "json"] = Field(
        default="text",
        description="`text` is `event key=value …` for people, `json` is one object a line for programs.",
    )


class CertificatePair(Section):
    """A certificate and its key."""

    certificate: FilePath = Field(description="PEM file with the certificate and the chain above it.")
    key: FilePath = Field(description="PEM file with the private key; only the server may read it.")


class Tls(Section):
    """Certificates and TLS versions; read again at SIGHUP without dropping a connection."""

    certificate: FilePath | None = Field(
        default=None, description="PEM file with the certificate of `hostname` and the chain above it."
    )
    key: FilePath | None = Field(
        default=None, description="PEM file with its private key; only the server may read it."
    )
    minimum: TlsVersion = Field(default="1.2", description="The oldest version of TLS that is spoken.")
    names: dict[HostName, CertificatePair] = Field(
        default_factory=dict,
        description="Certificates for other names, chosen by the name that the client asks for (SNI).",
    )
    handshake_timeout: Duration = Field(
        default=30, ge=1, description="How long a TLS handshake may take before the connection is closed."
    )


class Imap(Section):
    """The IMAP door."""

    workers: Workers = Field(
        default=1, description="Processes that share the work; more than 1 where a core is not enough."
    )
    listen: tuple[ProxiedListen, ...] = Field(
        default=(
            ProxiedListen(address="0.0.0.0:143"),
            ProxiedListen(address="0.0.0.0:993", tls="implicit"),
        ),
        description="Addresses to listen on.",
    )
    max_connections: Count = Field(default=20_000, description="Most connections at once in one process.")
    max_connections_per_address: Count = Field(
        default=1000,
        description="Most connections at once from one IP address; a whole office may stand behind one.",
    )
    max_connections_per_account: Count = Field(
        default=20, description="Most connections at once of one account."
    )
    max_append: Size = Field(
        default=100 * MIB, ge=KIB, description="The largest message that APPEND takes (RFC 7889)."
    )
    disable: tuple[Capability, ...] = Field(
        default=(),
        description="Capabilities that are switched off for everybody: neither told nor answered.",
    )
    fulltext: bool = Field(
        default=True,
        description="Whether what messages say is indexed, so that SEARCH TEXT and BODY need not read them all.",
    )
    max_command: Size = Field(
        default=256 * KIB,
        ge=8 * KIB,
        le=16 * MIB,
        description="The longest command, its literals counted, APPEND's message not.",
    )
    login_timeout: Duration = Field(
        default=MINUTE, ge=1, description="How long a connection may stay without logging in."
    )
    idle_timeout: Duration = Field(
        default=30 * MINUTE,
        ge=1,
        description="How long a silent connection is kept (RFC 9051 §5.4 asks for 30 minutes).",
    )


class Pop3(Section):
    """The POP3 door."""

    workers: Workers = Field(
        default=1, description="Processes that share the work; more than 1 where a core is not enough."
    )
    listen: tuple[ProxiedListen, ...] = Field(
        default=(
            ProxiedListen(address="0.0.0.0:110"),
            ProxiedListen(address="0.0.0.0:995", tls="implicit"),
        ),
        description="Addresses to listen on.",
    )
    max_connections: Count = Field(default=5000, description="Most connections at once in one process.")
    max_connections_per_address: Count = Field(
        default=1000,
        description="Most connections at once from one IP address; a whole office may stand behind one.",
    )
    max_connections_per_account: Count = Field(
        default=20, description="Most connections at once of one account."
    )
    login_timeout: Duration = Field(
        default=MINUTE, ge=1, description="How long a connection may stay without logging in."
    )
    idle_timeout: Duration = Field(
        default=10 * MINUTE,
        ge=1,
        description="How long a silent connection is kept (RFC 1939 §3 asks for 10 minutes).",
    )


class Web(Section):
    """The HTTP door: control panel, webmail, API."""

    listen: tuple[Listen, ...] = Field(
        default=(Listen(address="0.0.0.0:443", tls="implicit"),), description="Addresses to listen on."
    )
    session_idle: Duration = Field(
        default=HOUR, ge=MINUTE, description="After so long without a click one has to sign in again."
    )
    session_most: Duration = Field(
        default=12 * HOUR, ge=MINUTE, description="After so long one has to sign in again in any case."
    )
    contact: str = Field(
        default="",
        max_length=2000,
        description="Whom to ask, as the panel shows it to everybody: telephone, mail address, hours.",
    )
    support: WebAddress | None = Field(
        default=None,
        description="Address (https://…) of the support site, shown in the panel; null: no link.",
    )
    manual: WebAddress | None = Field(
        default=None, description="Address (https://…) of the manual, shown in the panel; null: no link."
    )
    api_requests: Count = Field(default=600, description="Most requests of one token to the API in a minute.")


class Auth(Section):
    """Logging in, at every door alike."""

    plaintext_without_tls: Literal["never", "loopback"] = Field(
        default="never",
        description="Who may log in with a password without TLS: nobody, or clients on this machine.",
    )
    mechanisms: Annotated[tuple[Mechanism, ...], Field(min_length=1)] = Field(
        default=("PLAIN", "LOGIN", "SCRAM-SHA-256"),
        description="The ways to log in that are offered (SASL); SCRAM-SHA-256 sends no password, but knows no app"
        " passwords; with -PLUS it is bound to our certificate, and fails behind a proxy that ends TLS.",
    )
    max_tries: Count = Field(
        default=3, description="Failed logins of one connection after which it is closed."
    )
    lock_after: Count = Field(
        default=10,
        description="Different wrong passwords for one account from one address that lock the pair.",
    )
    lock_address_after: Count = Field(
        default=100,
        description="Failed logins from one address, over all accounts, after which the address is locked.",
    )
    lock_account_after: Count = Field(
        default=100,
        description="Failed logins to one account, over all addresses, after which it is locked for addresses"
        " without a successful login in 30 days.",
    )
    lock_window: Duration = Field(
        default=HOUR, ge=1, description="How long a failed login counts towards a lock."
    )
    lock_for: Duration = Field(
        default=15 * MINUTE,
        description="How long a lock lasts; 0 means until an administrator unlocks the account.",
    )
    remember_for: Duration = Field(
        default=10 * MINUTE,
        description="How long a process remembers a right password, so as not to compute its hash again.",
    )


class Queue(Section):
    """Mail that could not be delivered at once."""

    smarthost: Smarthost | None = Field(
        default=None,
        description="The server that all mail to the outside is handed to, by host and port or as a mapping; null:"
        " each domain's own MX.",
    )
    routes: tuple[Route, ...] = Field(
        default=(), description="Other ways for some senders or destinations; the first that fits counts."
    )
    port: Port = Field(
        default=25, description="The port of other domains' servers; another one only for tests."
    )
    families: Annotated[tuple[Family, ...], Field(min_length=1)] = Field(
        default=("ipv4", "ipv6"),
        description="Which addresses of a server are tried, in this order; big receivers ask more of IPv6.",
    )
    connections: Count = Field(
        default=200, description="Most connections to other servers at once in one relay process."
    )
    connections_per_destination: Count = Field(
        default=20,
        description="Most connections at once to one destination; it begins with two, and gets fewer when it has"
        " trouble.",
    )
    messages_per_connection: Count = Field(default=100, description="Most messages sent over one connection.")
    recipients_per_message: Count = Field(
        default=100,
        description="Most recipients named at once; all servers take 100 (RFC 5321 §4.5.3.1.8).",
    )
    eightbit: Literal["send", "bounce"] = Field(
        default="send",
        description="Mail with octets above 127 for a server that does not offer 8BITMIME: `send` hands it over as"
        " it is, which nearly all of them take; `bounce` returns it to its sender, as RFC 6152 asks.",
    )
    retry: Annotated[tuple[Annotated[Duration, Field(ge=1)], ...], Field(min_length=1)] = Field(
        default=(5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR),
        description="Pauses before the first, second, … further attempt; the last one is repeated.",
    )
    give_up: Duration = Field(
        default=5 * DAY,
        ge=1,
        description="After this time the mail goes back to its sender (RFC 5321 §4.5.4.1).",
    )
    delay_notice: Duration | None = Field(
        default=4 * HOUR,
        ge=1,
        description="After this time the sender is told once that the mail is still under way, unless he asked not"
        " to be (NOTIFY, RFC 3461); null: never.",
    )
    timeouts: Timeouts = section(Timeouts)
    tls: OutboundTls = section(OutboundTls)


class Storage(Section):
    """How mail is kept."""

    spool_memory: Size = Field(
        default=256 * KIB,
        ge=4 * KIB,
        le=64 * MIB,
        description="A message up to this size is received in memory, not in a file.",
    )
    keep_free: Size = Field(
        default=256 * MIB,
        description="Room that is left on the disk: mail that would take it is put off (452 4.3.1).",
    )
    open_indexes: Annotated[int, Field(ge=10, le=20_000)] = Field(
        default=500, description="Most account indexes that one process keeps open."
    )


class Service(Section):
    """What a customer's contract may hold: the bounds of capacities, limits and lists."""

    capacity_step: Size = Field(
        default=100 * GIB,
        ge=1,
        description="A contract's capacity is a multiple of this, or the most that there is.",
    )
    capacity_most: Size = Field(default=TIB, ge=1, description="The largest capacity of a contract.")
    quota_least: Size = Field(
        default=GIB, ge=1, description="The smallest limit that an account can be given."
    )
    quota_most: Size = Field(default=TIB, ge=1, description="The largest limit that an account can be given.")
    lists: Count = Field(default=200, description="Most mailing lists in a domain.")
    list_members: Count = Field(
        default=1000, description="Most members of a mailing list, the owner counted."
    )
    list_posters: Count = Field(
        default=100, description="Most members that are given the right to post, where not all have it."
    )
    list_bounce_days: Count = Field(
        default=5, description="Different days with bounces after which a member of a mailing list is paused."
    )


class Metrics(Section):
    """Counters for Prometheus."""

    listen: ListenAddress | None = Field(
        default=None,
        description="Address and port that serves them, such as `127.0.0.1:9464`; null: nowhere.",
    )


class Resolver(Section):
    """Who answers questions about DNS."""

    nameservers: tuple[NameServer, ...] = Field(
        default=(), description="IP addresses, with a port where it is not 53; none: the system's."
    )


class Settings(Section):
    """The operator's file, `kwcmaild.yaml`; no program rewrites it."""

    hostname: HostName = Field(
        description="The name of this server in greetings, Received fields and Message-IDs."
    )
    operators: tuple[OwnAddress, ...] = Field(
        default=(), description="Accounts that stand above all domains in the panel."
    )
    default_domain: OwnDomain | None = Field(
        default=None,
        description="The domain of a login name that is written without one; null: such a name is refused.",
    )
    data: FilePath = Field(
        default=Path("/var/lib/kwcmaild"), description="Directory of mail, queue, spool and state."
    )
    run: FilePath = Field(
        default=Path("/run/kwcmaild"), description="Directory of sockets and locks, empty after a restart."
    )
    domains: FilePath = Field(
        default=Path("domains"), validate_default=True, description="Directory with a folder for each domain."
    )
    drain: Duration = Field(
        default=30, description="At a stop, how long connections may finish what they are doing."
    )
    log: Log = section(Log)
    tls: Tls = section(Tls)
    smtp: Smtp = section(Smtp)
    imap: Imap = section(Imap)
    pop3: Pop3 = section(Pop3)
    web: Web = section(Web)
    auth: Auth = section(Auth)
    filters: Filters = section(Filters)
    queue: Queue = section(Queue)
    storage: Storage = section(Storage)
    service: Service = section(Service)
    traces: Traces = section(Traces)
    mta_sts: MtaSts = section(MtaSts)
    metrics: Metrics = section(Metrics)
    resolver: Resolver = section(Resolver)

"""How mail leaves: smarthosts and routes, time-outs, and what other servers must prove."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from config.units import MINUTE
from config.values import (
    Duration,
    FilePath,
    HostName,
    IpAddress,
    MailAddress,
    Section,
    SocketAddress,
    domain_name,
)

Family = Literal["ipv4", "ipv6"]
Port = Annotated[int, Field(ge=1, le=65535)]


def domain_pattern(value: str) -> str:
    """A domain, or `*.` and a domain for all below it."""
    return f"*.{domain_name(value[2:])}" if value.startswith("*.") else domain_name(value)


DomainPattern = Annotated[str, AfterValidator(domain_pattern)]


class Smarthost(Section):
    """A server that takes our mail to anywhere; may be written as its address alone."""

    address: SocketAddress = Field(
        description="Host and port, such as `relay.example.jp:587`, or the path of a Unix socket."
    )
    protocol: Literal["smtp", "lmtp"] = Field(
        default="smtp", description="What it speaks: SMTP, or LMTP (RFC 2033)."
    )
    tls: Literal["opportunistic", "starttls", "implicit", "none"] = Field(
        default="opportunistic",
        description="`starttls` and `implicit` ask for TLS and for a certificate that proves the name;"
        " `opportunistic` takes what TLS there is.",
    )
    username: str | None = Field(
        default=None, description="Login name for AUTH; needs `tls: starttls` or `tls: implicit`."
    )
    password_file: FilePath | None = Field(
        default=None,
        description="File whose first line is the password for AUTH; only the server may read it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"address": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _safe(self) -> "Smarthost":
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file are given together or not at all")
        if self.username is not None and self.tls not in ("starttls", "implicit"):
            raise ValueError("a password is sent under TLS only: set tls to starttls or implicit")
        return self


class Route(Section):
    """Where some mail goes, and how we appear there; the first route that fits a mail counts."""

    senders: tuple[DomainPattern, ...] = Field(
        default=(),
        description="Domains of the sender (MAIL FROM), `*.example.jp` for all below one; none: any sender,"
        " bounces too.",
    )
    destinations: tuple[DomainPattern, ...] = Field(
        default=(), description="Domains of the recipient, written the same way; none: any."
    )
    smarthost: Smarthost | None = Field(
        default=None, description="The server that this mail is handed to; null: the MX of the domain."
    )
    source: tuple[IpAddress, ...] = Field(
        default=(),
        description="Our own addresses that connections come from, at most one of IPv4 and one of IPv6.",
    )
    helo: HostName | None = Field(
        default=None, description="Our name in EHLO for this mail; null: `hostname`."
    )


class Timeouts(Section):
    """How long other servers are waited for (RFC 5321 §4.5.3.2)."""

    connect: Duration = Field(
        default=30, ge=1, description="For a connection to an address, and again for a TLS handshake."
    )
    greeting: Duration = Field(default=5 * MINUTE, ge=1, description="For the greeting.")
    command: Duration = Field(
        default=5 * MINUTE, ge=1, description="For the reply to EHLO, MAIL, RCPT and other commands."
    )
    data: Duration = Field(default=2 * MINUTE, ge=1, description="For the reply to DATA.")
    block: Duration = Field(default=3 * MINUTE, ge=1, description="For a piece of the message to be taken.")
    end: Duration = Field(
        default=10 * MINUTE,
        ge=1,
        description="For the reply after the message; giving up early makes duplicates (RFC 1047).",
    )


class OutboundTls(Section):
    """TLS towards other servers."""

    minimum: Literal["1.0", "1.1", "1.2", "1.3"] = Field(
        default="1.2", description="The oldest version of TLS that is spoken."
    )
    dane: bool = Field(
        default=True,
        description="Hold servers to their TLSA records (DANE, RFC 7672); needs a validating resolver that may be"
        " believed.",
    )
    mta_sts: bool = Field(
        default=True, description="Hold domains to the policy that they publish by HTTPS (MTA-STS, RFC 8461)."
    )
    https_port: Port = Field(
        default=443, description="The port of these policies; another one only for tests."
    )
    trust: FilePath | None = Field(
        default=None, description="PEM file of the authorities that are trusted; null: the system's."
    )
    reports: bool = Field(
        default=True,
        description="Send a daily report on TLS to domains that ask for one (TLS-RPT, RFC 8460).",
    )
    report_contact: MailAddress | None = Field(
        default=None,
        description="Address in these reports, best of a domain of ours, whose key signs them; null: postmaster at"
        " `hostname`.",
    )

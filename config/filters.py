"""What looks at mail: the settings of each check, one class a check."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from config.listen import Count
from config.units import DAY, KIB, MINUTE
from config.values import (
    DomainName,
    Duration,
    HostName,
    MailAddress,
    Network,
    OwnDomain,
    Section,
    Size,
    SocketAddress,
    section,
)

PRIVATE = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class SenderAuth(Section):
    """SPF, DKIM, DMARC and ARC of what is received."""

    enabled: bool = Field(default=True, description="Whether the senders of received mail are checked.")
    skip_from: tuple[Network, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        description="Networks whose mail is not checked, such as relays of your own: what they pass on did not"
        " come from there.",
    )
    dmarc_reject: bool = Field(
        default=True,
        description="Refuse mail whose domain asks for that (DMARC `p=reject`); else it counts as spam.",
    )
    dmarc_quarantine: bool = Field(
        default=True,
        description="Treat as spam what fails DMARC and is not refused, where its domain asks for that; else it is"
        " only marked in Authentication-Results.",
    )
    organization: Literal["tree_walk", "public_suffix"] = Field(
        default="tree_walk",
        description="How the organisation behind a domain is found: by asking DNS upwards (RFC 9989) or by the"
        " public suffix list (RFC 7489).",
    )
    trusted_sealers: tuple[OwnDomain, ...] = Field(
        default=(),
        description="Domains of forwarders whose ARC seal is believed where forwarding broke DMARC.",
    )
    received_spf: bool = Field(default=False, description="Write a Received-SPF field too (RFC 7208 §9.1).")
    timeout: Duration = Field(
        default=20,
        ge=1,
        description="Time for all DNS look-ups of one message; what is unknown then is temporary.",
    )
    dmarc_reports: bool = Field(
        default=True,
        description="Send the daily reports that domains ask for in their DMARC record (`rua=`): how many messages"
        " came in their name, from where, and what was found.",
    )
    dmarc_reports_not_to: tuple[DomainName, ...] = Field(
        default=(), description="Domains that get no such report, nor what is below them."
    )
    dmarc_report_contact: MailAddress | None = Field(
        default=None,
        description="The address that the reports come from; null: postmaster at this host's name. Its domain"
        " should have a DKIM key.",
    )

    def reports_to(self, domain: str) -> bool:
        """Whether a domain is sent the reports that it asks for."""
        return self.dmarc_reports and not any(
            domain == each or domain.endswith(f".{each}") for each in self.dmarc_reports_not_to
        )


class DnsblZone(Section):
    """A list of senders in DNS."""

    zone: HostName = Field(description="Its name, such as `zen.spamhaus.org`.")
    weight: Annotated[int, Field(ge=-1000, le=1000)] = Field(
        default=1, description="What it adds to the sum; a list of good senders has a negative one."
    )
    answers: tuple[Network, ...] = Field(
        default=("127.0.0.0/8",),
        description="The answers that count, as addresses and networks, where a list has several kinds in it.",
    )


class Dnsbl(Section):
    """Lists in DNS that know the addresses of bad or good senders."""

    zones: tuple[DnsblZone, ...] = Field(
        default=(), description="The lists that are asked, all at the same time; none: no such check."
    )
    reject_at: int | None = Field(
        default=1, description="The sum of weights from which mail is refused; null: never."
    )
    quarantine_at: int | None = Field(
        default=None, description="The sum of weights from which mail counts as spam; null: never."
    )
    timeout: Duration = Field(
        default=3, ge=1, description="How long a list is waited for; one that is late has no opinion."
    )
    skip_from: tuple[Network, ...] = Field(
        default=PRIVATE, description="Networks about which no list is asked, such as our own."
    )


class Greylist(Section):
    """Asking senders that nobody knows to come again."""

    enabled: bool = Field(default=False, description="Whether it is done, to mail from other servers.")
    delay: Duration = Field(default=5 * MINUTE, ge=1, description="How long an unknown sender has to wait.")
    retry_within: Duration = Field(
        default=2 * DAY,
        ge=1,
        description="How long it has time to come again; later it is unknown once more.",
    )
    remember: Duration = Field(
        default=35 * DAY, ge=1, description="How long a sender that came again is known after its last mail."
    )
    skip_from: tuple[Network, ...] = Field(
        default=PRIVATE, description="Networks that are never asked to wait, such as known good senders."
    )


class Virus(Section):
    """The virus engine."""

    engine: Literal["none", "clamd"] = Field(default="none", description="Who looks for viruses.")
    address: SocketAddress | None = Field(
        default=None, description="Where the engine listens: the path of a Unix socket, or host and port."
    )
    on_error: Literal["defer", "accept"] = Field(
        default="defer", description="What happens to mail while the engine does not answer."
    )
    over_limits: Literal["accept", "virus"] = Field(
        default="accept",
        description="How mail counts that is past the engine's own limits (size, nested archives): as clean, or as"
        " if a virus had been found.",
    )
    timeout: Duration = Field(default=60, ge=1, description="How long the engine may take for one message.")
    at_once: Count = Field(
        default=10, description="Messages that are scanned at the same time in one process."
    )

    @model_validator(mode="after")
    def _reachable(self) -> "Virus":
        if self.engine != "none" and self.address is None:
            raise ValueError(f"engine: {self.engine} needs an address")
        return self


class Spam(Section):
    """The spam engine."""

    engine: Literal["none", "builtin", "rspamd", "spamd"] = Field(
        default="builtin", description="Who tells spam from other mail; `builtin` needs no other program."
    )
    address: SocketAddress | None = Field(
        default=None, description="Where the engine listens: the path of a Unix socket, or host and port."
    )
    learn_address: SocketAddress | None = Field(
        default=None,
        description="Where the engine is taught, if not at `address`: the controller of `rspamd` (port 11334)."
        " Without it nothing is taught to `rspamd`.",
    )
    required: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=5.0, description="Points from which the `builtin` engine calls a mail spam."
    )
    timeout: Duration = Field(
        default=5,
        ge=1,
        description="How long the engine may take; a mail that it is too slow for is not spam.",
    )
    most: Size = Field(
        default=512 * KIB,
        ge=16 * KIB,
        description="So much of a mail from its beginning is shown to `spamd` and `rspamd`.",
    )
    at_once: Count = Field(
        default=20, description="Messages that one process shows to `spamd` or `rspamd` at the same time."
    )
    learn: bool = Field(
        default=True,
        description="Teach the engine what users say by moving mail into and out of their junk folder.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> "Spam":
        if self.engine in ("rspamd", "spamd") and self.address is None:
            raise ValueError(f"engine: {self.engine} needs an address")
        return self


Judge = Literal["dnsbl", "greylist", "sender_auth", "virus"]
JUDGES: tuple[Judge, ...] = ("dnsbl", "greylist", "sender_auth", "virus")


def _one_alone(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Step = Annotated[
    tuple[Judge, ...],
    BeforeValidator(_one_alone),
    WithJsonSchema(
        {"anyOf": [{"enum": list(JUDGES)}, {"type": "array", "items": {"enum": list(JUDGES)}, "minItems": 1}]}
    ),
]


class Filters(Section):
    """What looks at mail on its way in and out."""

    order: tuple[Step, ...] = Field(
        default=(JUDGES,),
        description="The order of the checks: one after the other, those in an inner list together; spam comes"
        " last, for it sees what they found.",
    )
    forward_spam: bool = Field(
        default=False,
        description="Whether forwards send on what was found to be spam; else the mailbox here keeps it.",
    )
    sender_auth: SenderAuth = section(SenderAuth)
    dnsbl: Dnsbl = section(Dnsbl)
    greylist: Greylist = section(Greylist)
    virus: Virus = section(Virus)
    spam: Spam = section(Spam)

    @model_validator(mode="after")
    def _each_once(self) -> "Filters":
        named = [name for step in self.order for name in step]
        for name in JUDGES:
            if named.count(name) != 1:
                raise ValueError(f"order: {name} has to be named once, not {named.count(name)} times")
        return self

"""The SMTP door: its listeners and its limits."""

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from config.listen import Count, ProxiedListen, Workers
from config.sending import SendLimit
from config.units import DAY, KIB, MIB, MINUTE
from config.values import DoorAddress, Duration, Network, Section, Size, section

__all__ = ["Smtp", "SmtpListen"]


class SmtpListen(ProxiedListen):
    """One address to listen on for SMTP or LMTP."""

    address: DoorAddress = Field(
        description="IP address and port, such as `0.0.0.0:25` or `[::]:25`; port 0 takes a free one. For `lmtp`"
        " also `unix:` and the path of a socket, such as `unix:/run/kwcmaild/lmtp.sock`."
    )
    mode: Literal["mx", "submission", "lmtp"] = Field(
        description="`mx`: from anybody for our own recipients; `submission`: from accounts that have logged in, to"
        " anybody; `lmtp`: for our own recipients from a mail server on this machine, which is believed."
    )
    xclient_from: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks of proxies and mail servers that may say on whose behalf they speak"
        " (Postfix's XCLIENT).",
    )
    socket_mode: Annotated[str, Field(pattern="^0?[0-7]{3}$")] = Field(
        default="660", description="Who may connect to a Unix socket, as `chmod` writes it."
    )
    socket_group: str | None = Field(
        default=None, description="The group of a Unix socket, such as `postfix`; null: the server's own."
    )

    @model_validator(mode="before")
    @classmethod
    def _lmtp_in_the_clear(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("mode") == "lmtp":
            return {"tls": "none", **value}
        return value

    @model_validator(mode="after")
    def _lmtp_stays_here(self) -> "SmtpListen":
        if self.mode != "lmtp":
            if self.path is not None:
                raise ValueError(f"{self.address}: a Unix socket is for mode: lmtp alone")
            return self
        if self.path is None and self.host != "localhost" and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(
                f"{self.address}: lmtp believes its peer, so it listens on a Unix socket or a loopback address only"
            )
        if self.tls != "none" or self.proxy_from or self.xclient_from:
            raise ValueError("lmtp has no TLS, no proxy_from and no xclient_from")
        return self

    @property
    def path(self) -> str | None:
        return self.address.removeprefix("unix:") if self.address.startswith("unix:") else None

    @property
    def host(self) -> str:
        return "" if self.path is not None else super().host

    @property
    def port(self) -> int:
        return 0 if self.path is not None else super().port


class Smtp(Section):
    """The SMTP door: port 25 for the world, 587 and 465 for our accounts."""

    workers: Workers = Field(
        default=1, description="Processes that share the work; more than 1 where a core is not enough."
    )
    listen: tuple[SmtpListen, ...] = Field(
        default=(
            SmtpListen(address="0.0.0.0:25", mode="mx"),
            SmtpListen(address="0.0.0.0:587", mode="submission"),
            SmtpListen(address="0.0.0.0:465", mode="submission", tls="implicit"),
        ),
        description="Addresses to listen on.",
    )
    max_message: Size = Field(
        default=100 * MIB,
        ge=KIB,
        description="The largest message taken, in either direction (SIZE, RFC 1870).",
    )
    max_recipients: Annotated[int, Field(ge=100, le=100_000)] = Field(
        default=1000,
        description="Most recipients of one message (RFC 5321 §4.5.3.1.8 asks for 100 at least).",
    )
    max_connections: Count = Field(default=2000, description="Most connections at once in one process.")
    max_connections_per_address: Count = Field(
        default=100, description="Most connections at once from one IP address."
    )
    max_connections_per_minute: Count = Field(
        default=600,
        description="Most connections within a minute from one IP address (IPv6: one /64), all processes together.",
    )
    max_messages_per_minute: Count = Field(
        default=3000,
        description="Most messages within a minute from one IP address (IPv6: one /64), all processes together.",
    )
    unlimited_from: tuple[Network, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        description="Addresses and networks whose connections and messages are not counted by the minute, such as"
        " our own relays.",
    )
    max_errors: Count = Field(
        default=20, description="Refused commands of one connection after which it is closed with a 421."
    )
    tarpit: Annotated[Duration, Field(le=60)] = Field(
        default=1,
        description="How long a client waits for the reply to each refused command, once it has made half of"
        " `max_errors`.",
    )
    max_hops: Annotated[int, Field(ge=100, le=1000)] = Field(
        default=100,
        description="A message with more Received fields than this is going round in circles and is refused"
        " (RFC 5321 §6.3).",
    )
    command_timeout: Duration = Field(
        default=5 * MINUTE, ge=1, description="How long the server waits for a command (RFC 5321 §4.5.3.2.7)."
    )
    data_timeout: Duration = Field(
        default=3 * MINUTE,
        ge=1,
        description="How long the server waits for the next piece of a message (RFC 5321 §4.5.3.2.5).",
    )
    greeting_delay: Annotated[Duration, Field(le=60)] = Field(
        0,
        description="How long an `mx` listener waits before it greets; who speaks earlier is refused"
        " (RFC 5321 §4.3.1).",
    )
    max_line: Size = Field(
        MIB,
        ge=KIB,
        description="The longest line of a message (RFC 5321 §4.5.3.1.6 asks for 1000 octets; many programs"
        " write longer ones).",
    )
    max_hold: Duration = Field(
        default=31 * DAY,
        le=10 * 365 * DAY,
        description="How long a submitted message may be held back at its sender's wish (FUTURERELEASE, RFC 4865);"
        " 0: this is not offered.",
    )
    check_from: Literal["reject", "accept"] = Field(
        default="reject",
        description="What happens to a submitted message whose From or Sender is not the account's own address,"
        " an alias or a `send_as` address: it is refused, or taken all the same.",
    )
    send_limit: SendLimit = section(SendLimit)
    hold_senders: bool = Field(
        default=True,
        description="Hold an account that suddenly passes its limit of an hour until an administrator lets it send"
        " again (`kwcmaild account unhold`); false: it is only asked to wait.",
    )
    hide_client_address: bool = Field(
        default=False, description="Leave the IP address of the submitting client out of the Received field."
    )

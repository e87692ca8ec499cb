"""What a mail program has to be told: name, port and encryption of each server, from the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.public import only_this_machine
from config.settings import Listen, Settings

Protocol = Literal["imap", "pop3", "smtp"]
Encryption = Literal["tls", "starttls"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """One address that a mail program can be pointed at."""

    protocol: Protocol
    host: str
    port: int
    encryption: Encryption


def servers(settings: Settings) -> tuple[MailServer, ...]:
    """Where accounts connect, the best encryption first; unencrypted listeners are not recommended to anybody."""
    submission = [listen for listen in settings.smtp.listen if listen.mode == "submission"]
    host = "localhost" if only_this_machine(settings) else settings.hostname
    return (
        *_of("imap", settings.imap.listen, host),
        *_of("pop3", settings.pop3.listen, host),
        *_of("smtp", submission, host),
    )


def best(found: Sequence[MailServer], protocol: Protocol) -> MailServer | None:
    """The one to recommend; None where the protocol is not served."""
    return next((server for server in found if server.protocol == protocol), None)


def _of(protocol: Protocol, listens: Sequence[Listen], host: str) -> list[MailServer]:
    found = {
        MailServer(protocol, host, listen.port, "tls" if listen.tls == "implicit" else "starttls")
        for listen in listens
        if listen.tls != "none"
    }
    return sorted(found, key=lambda server: (server.encryption != "tls", server.port))

"""The kinds of value a setting can have beyond YAML's own, each with a sentence for who got it wrong.

Validators take what the YAML says and return the one form that the rooms compare: domains in lower case,
local parts of our own accounts in lower case, sizes in bytes, times in seconds, paths absolute (relative
ones are from the file, whose folder the loader hands in as `base`). No sentence repeats a secret.
"""

import ipaddress
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from config.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size

LONGEST_SOCKET_PATH = 107  # octets: sun_path of unix(7)

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OWN_LOCAL = re.compile(r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_-]+)*")
# Dots anywhere: `a..b@docomo.ne.jp` and `a.@ezweb.ne.jp` are in use, whatever RFC 5321 §4.1.2 says.
_BARE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff.-]+")
_QUOTED = re.compile(r'"([^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])+"')

INTERNATIONAL = (
    "internationalised domain names (Japanese script, or xn--…) are not offered for mail addresses here"
)


class Section(BaseModel):
    """A mapping in a YAML file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        # `log:` with everything below it commented out means the defaults.
        return {} if value is None else value


def section(model: type[Section]) -> Any:
    """A field that is a section, with the sentence and the defaults that the section has itself.

    Sections are frozen, so all files that do not have it share one: thousands of accounts are held in memory."""
    return Field(default_factory=cache(model), description=model.__doc__)


def domain_name(value: str) -> str:
    """A fully qualified name in ASCII, in lower case (RFC 1035 §2.3.1; digits first: RFC 1123 §2.1)."""
    name = value.lower()
    if not name.isascii():
        raise ValueError(f'"{value}" is not written in ASCII: an internationalised name has an xn--… form')
    labels = name.split(".")
    wrong = next((label for label in labels if not _LABEL.fullmatch(label)), None)
    if wrong == "":
        raise ValueError(f'"{value}" is not a domain name: a dot has nothing before or after it')
    if wrong is not None:
        raise ValueError(
            f'"{value}" is not a domain name: "{wrong}" may hold letters, digits, inner hyphens, at most 63'
        )
    if len(name) > 253:
        raise ValueError(f'"{value}" is not a domain name: it is longer than 253 characters')
    if len(labels) < 2 or labels[-1].isdigit():
        raise ValueError(f'"{value}" is not a full domain name such as example.jp')
    return name


def own_domain(value: str) -> str:
    """A domain that this server serves; internationalised ones are refused."""
    if not value.isascii() or any(label.lower().startswith("xn--") for label in value.split(".")):
        raise ValueError(f'"{value}": {INTERNATIONAL}')
    return domain_name(value)


def host_name(value: str) -> str:
    """The name of a machine: `localhost` or a full domain name."""
    return "localhost" if value.lower() == "localhost" else domain_name(value)


def own_local_part(value: str) -> str:
    """The part before the @ of an address of ours: a file name, in which + and % mean something else."""
    if "@" in value:
        raise ValueError(f'"{value}": write only the part before the @')
    local = value.lower()
    if not _OWN_LOCAL.fullmatch(local):
        raise ValueError(
            f'"{value}" cannot stand before the @ of an address here:'
            " letters, digits, _ and -, with single dots between them"
        )
    if len(local) > 64:
        raise ValueError(f'"{value}" is longer than 64 characters (RFC 5321 §4.5.3.1.1)')
    return local


def mail_address(value: str) -> str:
    """Anybody's address (RFC 5321 §4.1.2, and the carriers' dots).

    The domain in lower case, the local part as it is written."""
    local, at, domain = value.rpartition("@")
    if not at or not local:
        raise ValueError(f'"{value}" is not a mail address such as taro@example.jp')
    if not _BARE.fullmatch(local) and not _QUOTED.fullmatch(local):
        hint = f": put quotes around the local part: '\"{local}\"@{domain}'" if _quotable(local) else ""
        raise ValueError(f'"{value}" is not a mail address{hint}')
    if len(local.encode()) > 64:
        raise ValueError(
            f'"{value}": what stands before the @ is longer than 64 octets (RFC 5321 §4.5.3.1.1)'
        )
    return f"{local}@{domain_name(domain)}"


def own_address(value: str) -> str:
    """The address of an account here, in lower case."""
    local, at, domain = value.rpartition("@")
    if not at:
        raise ValueError(f'"{value}" is not a full address such as taro@example.jp')
    return f"{own_local_part(local)}@{own_domain(domain)}"


def host_port(value: str) -> str:
    """`192.0.2.1:25`, `[2001:db8::1]:25`, `mail.example.jp:25`."""
    host, port = split_host_port(value)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host_name(host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen_address(value: str) -> str:
    """Where to listen: an IP address (IPv6 in brackets) or `localhost`, and a port; 0 takes a free one."""
    host, port = split_host_port(value)
    if host == "localhost":
        return value
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f'"{value}" is not an address to listen on: write an IP address and a port,'
            " such as 0.0.0.0:25, 127.0.0.1:25 or [::]:25"
        ) from None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def door_address(value: str) -> str:
    """Where an SMTP door may listen: besides an address and a port a Unix socket, whose path is absolute."""
    if not value.startswith("unix:"):
        return listen_address(value)
    path = value.removeprefix("unix:")
    if not path.startswith("/") or "\0" in path or len(path.encode()) > LONGEST_SOCKET_PATH:
        raise ValueError(
            f'"{value}": after unix: stands an absolute path of at most {LONGEST_SOCKET_PATH} octets,'
            " such as unix:/run/kwcmaild/lmtp.sock"
        )
    return value


def split_host_port(value: str) -> tuple[str, int]:
    """Host without brackets, and port."""
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f'"{value}" has no port: write address and port, such as 127.0.0.1:25 or [::1]:25')
    if int(port) > 65535:
        raise ValueError(f'"{value}": a port is a number from 0 to 65535')
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f'"{value}": an IPv6 address stands in brackets, such as [{host}]:{port}')
    return host, int(port)


def name_server(value: str) -> str:
    """The IP address of a DNS server, with or without a port."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    try:
        host, _ = split_host_port(value)
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f'"{value}" is not a name server: write its IP address, with a port if it is not 53,'
            " such as 192.0.2.53 or 127.0.0.1:5353"
        ) from None
    return value


def socket_address(value: str, info: ValidationInfo) -> str:
    """A Unix socket (a path) or host and port."""
    if "/" in value:
        return str(_absolute(Path(value), info))
    return host_port(value)


def network(value: str) -> str:
    """An IP network in CIDR notation, or one address."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f'"{value}" is not an IP network such as 192.0.2.0/24') from None


def web_address(value: str) -> str:
    """A page that people are sent to."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", value):
        raise ValueError(f'"{value}" is not the address of a page, such as https://support.example.jp/')
    return value


def ip_address(value: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f'"{value}" is not an IP address') from None


def _absolute(value: Path, info: ValidationInfo) -> Path:
    base = info.context.get("base") if info.context else None
    return value if base is None else base / value.expanduser()


def _quotable(local: str) -> bool:
    return re.fullmatch(r"[\x20-\x7e]+", local) is not None and '"' not in local and "\\" not in local


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": SIZE_PATTERN}]}
    ),
]
Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": DURATION_PATTERN}]}
    ),
]
FilePath = Annotated[Path, AfterValidator(_absolute)]
DomainName = Annotated[str, AfterValidator(domain_name)]
HostName = Annotated[str, AfterValidator(host_name)]
OwnDomain = Annotated[str, AfterValidator(own_domain)]
OwnAddress = Annotated[str, AfterValidator(own_address)]
OwnLocalPart = Annotated[str, AfterValidator(own_local_part)]
MailAddress = Annotated[str, AfterValidator(mail_address)]
DoorAddress = Annotated[str, AfterValidator(door_address)]
ListenAddress = Annotated[str, AfterValidator(listen_address)]
NameServer = Annotated[str, AfterValidator(name_server)]
Network = Annotated[str, AfterValidator(network)]
SocketAddress = Annotated[str, AfterValidator(socket_address)]
IpAddress = Annotated[str, AfterValidator(ip_address)]
WebAddress = Annotated[str, AfterValidator(web_address)]

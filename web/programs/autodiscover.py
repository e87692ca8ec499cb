"""Outlook's automatic configuration: Autodiscover version 1 (POX: plain old XML), and version 2 that points to it.

Outlook posts an address and the schema in which it wants the answer, and gets the servers (MS-OXDSCLI §2.2.4).
The request comes from anybody: it is bounded, and read by expat with no document type, so it can name no entity
that grows and no file or host of ours. The answer is the same for whoever asks but for the login name, which is
the address that was sent: it tells nobody which addresses exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from config.values import mail_address
from web.programs.servers import MailServer

MOST_OCTETS: Final = 16 * 1024  # Outlook's own are under 500
MOST_ELEMENTS: Final = 100

RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

INVALID, NO_SUCH_SCHEMA = 600, 601  # MS-OXDSCLI §2.2.4.1.1.2: ErrorCode

_TYPES = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}


class Unusable(ValueError):
    """A request that cannot be answered; `code` says it to the program."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program wants to know."""

    address: str
    schema: str


def read(body: bytes) -> Asked:
    """The request, with or without namespaces (old Outlooks and many phones send none). Raises Unusable."""
    if len(body) > MOST_OCTETS:
        raise Unusable(INVALID, "Invalid Request")
    reader = _Reader()
    try:
        reader.parse(body)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Unusable(INVALID, "Invalid Request") from error
    asked = Asked(
        reader.found.get("EMailAddress", "").strip(), reader.found.get("AcceptableResponseSchema", "")
    )
    try:
        mail_address(asked.address)
    except ValueError as error:
        raise Unusable(INVALID, "Invalid Request") from error
    if asked.schema.strip() not in ("", OUTLOOK):  # such as mobilesync, which is another protocol
        raise Unusable(NO_SUCH_SCHEMA, "Requested schema version not supported")
    return asked


def answer(servers: Sequence[MailServer], address: str) -> bytes:
    """The servers, of each protocol the best one first: that is the one that Outlook takes."""
    protocols = "".join(_protocol(server, address) for server in servers)
    return f"""\
<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="{RESPONSE}">
  <Response xmlns="{OUTLOOK}">
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
{protocols}    </Account>
  </Response>
</Autodiscover>
""".encode()


def refusal(error: Unusable, now: datetime) -> bytes:
    """MS-OXDSCLI §2.2.4.1.1.2"""
    return f"""\
<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="{RESPONSE}">
  <Response>
    <Error Time="{now:%H:%M:%S.%f}" Id="0">
      <ErrorCode>{error.code}</ErrorCode>
      <Message>{escape(error.text)}</Message>
      <DebugData />
    </Error>
  </Response>
</Autodiscover>
""".encode()


def pointer(protocol: str, url: str) -> dict[str, str]:
    """Version 2: where version 1 is. Raises Unusable for protocols of Exchange, which we do not speak."""
    if protocol.lower() != "autodiscoverv1":
        raise Unusable(
            INVALID, f"The given protocol value '{protocol[:50]}' is invalid. Supported: AutodiscoverV1"
        )
    return {"Protocol": "AutodiscoverV1", "Url": f"{url}/autodiscover/autodiscover.xml"}


def _protocol(server: MailServer, address: str) -> str:
    # Encryption overrides SSL, which older versions read alone
    encryption, ssl = ("SSL", "on") if server.encryption == "tls" else ("TLS", "off")
    more = "<UsePOPAuth>on</UsePOPAuth><SMTPLast>off</SMTPLast>" if server.protocol == "smtp" else ""
    return f"""\
      <Protocol>
        <Type>{_TYPES[server.protocol]}</Type>
        <Server>{escape(server.host)}</Server>
        <Port>{server.port}</Port>
        <LoginName>{escape(address)}</LoginName>
        <DomainRequired>off</DomainRequired>
        <SPA>off</SPA>
        <SSL>{ssl}</SSL>
        <Encryption>{encryption}</Encryption>
        <AuthRequired>on</AuthRequired>{more}
      </Protocol>
"""


class _Reader:
    """The texts of the elements that matter, by their local names."""

    _WANTED = ("EMailAddress", "AcceptableResponseSchema")

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open = ""
        self._elements = 0

    def parse(self, body: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(body, True)

    def _doctype(self, *_: object) -> None:
        raise ValueError("a document type: where entities are declared")

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise ValueError("too many elements")
        local = name.rpartition(" ")[2]
        self._open = local if local in self._WANTED and local not in self.found else ""

    def _end(self, _: str) -> None:
        self._open = ""

    def _text(self, text: str) -> None:
        if self._open:
            self.found[self._open] = self.found.get(self._open, "") + text

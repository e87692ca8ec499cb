"""Thunderbird's automatic configuration: the XML that it asks a mail domain for (also used by K-9 and Evolution).

Format: https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html
The answer is the same for whoever asks, so it tells nobody which addresses or domains exist.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from config.values import domain_name
from web.programs.servers import MailServer

ANY_DOMAIN = "%EMAILDOMAIN%"  # the format's word for "that of the address you asked about"


def document(servers: Sequence[MailServer], name: str, address: str) -> bytes:
    """The configuration for the domain of `address`; for any domain where that is not an address."""
    domain = escape(_domain(address))
    incoming = "".join(_server("incomingServer", server) for server in servers if server.protocol != "smtp")
    outgoing = "".join(_server("outgoingServer", server) for server in servers if server.protocol == "smtp")
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{domain}">
    <domain>{domain}</domain>
    <displayName>{escape(name)}</displayName>
    <displayShortName>{escape(name)}</displayShortName>
{incoming}{outgoing}  </emailProvider>
</clientConfig>
""".encode()


def _server(element: str, server: MailServer) -> str:
    socket = "SSL" if server.encryption == "tls" else "STARTTLS"
    return f"""\
    <{element} type="{server.protocol}">
      <hostname>{escape(server.host)}</hostname>
      <port>{server.port}</port>
      <socketType>{socket}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </{element}>
"""


def _domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    try:
        return domain_name(domain) if local and at else ANY_DOMAIN
    except ValueError:
        return ANY_DOMAIN

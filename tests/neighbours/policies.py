"""The web server that has the MTA-STS policies (RFC 8461 §3.2)."""

import ssl

from tests.neighbours.authority import Pair
from tests.neighbours.peers import Script, Server, Wire


def policies(pair: Pair, texts: dict[str, str]) -> Script:
    """Gives each host name its policy; others get a 404."""

    def script(wire: Wire, server: Server) -> None:
        wire.start_tls(pair)
        request = [wire.line()]
        while request[-1]:
            request.append(wire.line())
        server.hear(request[0])
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in request[1:])
        }
        text = texts.get(fields.get(b"host", b"").decode().partition(":")[0])
        if text is None or request[0] != b"GET /.well-known/mta-sts.txt HTTP/1.1":
            wire.say("HTTP/1.1 404 Not Found", "Content-Length: 0", "Connection: close", "")
            return
        body = text.encode()
        wire.say(
            "HTTP/1.1 200 OK", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close", "",
            body,
        )  # fmt: skip
        if isinstance(wire.sock, ssl.SSLSocket):
            wire.sock.unwrap()

    return script


def policy(mx: str, mode: str = "enforce") -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 86400\r\n"

"""Takes all mail under STARTTLS and keeps none: `python -m benchmarks.tls_sink HOST PORT CERT KEY`."""

import asyncio
import contextlib
import ssl
import sys

import uvloop

_OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 %b\r\n"


async def _session(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
        writer.write(b"220 sink ESMTP\r\n")
        secure = False
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(_OFFERS % (b"HELP" if secure else b"STARTTLS"))
            elif verb == b"STAR":
                writer.write(b"220 go\r\n")
                await writer.start_tls(context)
                secure = True
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 ok\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")


async def _serve(host: str, port: int, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(
        lambda reader, writer: _session(reader, writer, context), host, port, limit=1 << 20, backlog=200
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]))

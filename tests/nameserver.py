"""A name server on loopback, by UDP and TCP, that says what a test tells it to, lies and silence included.

`put("example.com", "MX", "10 mx.example.com.")` adds a record; a name without any does not exist, a name with
records of other kinds has none of this kind. `secure` names get the AD bit. CNAMEs are followed as a resolver does.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

UDP_MOST = 1232

Wire = Callable[[bytes], bytes | None]  # the question's bytes; None: silence


class NameServer:
    """Start it with `start`; `address` is what settings take."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._names: set[str] = set()
        self._odd: dict[str, dns.rcode.Rcode | Wire] = {}
        self.secure: set[str] = set()
        self.asked: Counter[tuple[str, str]] = Counter()  # by UDP
        self.asked_tcp: Counter[tuple[str, str]] = Counter()
        self.questions: list[dns.message.Message] = []
        self.gate: asyncio.Event | None = None  # answers wait for it
        self.recursive = True
        self.negative_ttl = 60
        self.address = ""

    def put(self, name: str, kind: str, *texts: str, ttl: int = 300, secure: bool = False) -> None:
        name = name.lower()
        self._records.setdefault((name, kind), (ttl, []))[1].extend(texts)
        self._names.add(name)
        if secure:
            self.secure.add(name)

    def drop(self, name: str, kind: str) -> None:
        del self._records[name.lower(), kind]

    def answer(self, name: str, how: dns.rcode.Rcode | Wire) -> None:
        """Answer every question about a name with an error, or with bytes of the test's own."""
        self._odd[name.lower()] = how

    def recover(self, name: str) -> None:
        del self._odd[name.lower()]

    async def start(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        while True:
            self._tcp = await asyncio.start_server(self._stream, "127.0.0.1", 0)
            port = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=("127.0.0.1", port)
                )
                break
            except OSError:  # free for TCP, but somebody asks a name server from it
                self._tcp.close()
        self.address = f"127.0.0.1:{port}"
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._udp.close()
        self._tcp.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await self.reply(await reader.readexactly(size), self.asked_tcp, 65535)
            if wire is not None:
                writer.write(struct.pack("!H", len(wire)) + wire)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def reply(self, data: bytes, counts: "Counter[tuple[str, str]]", most: int) -> bytes | None:
        question = dns.message.from_wire(data)
        self.questions.append(question)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        counts[name, kind] += 1
        if self.gate is not None:
            await self.gate.wait()
        odd = self._odd.get(name)
        if callable(odd):
            return odd(data)
        reply = dns.message.make_response(question, recursion_available=True)
        if odd is not None:
            reply.set_rcode(odd)
            return reply.to_wire()
        self._fill(reply, name, kind)
        wire = reply.to_wire(max_size=65535)
        if len(wire) > most:
            reply = dns.message.make_response(question)
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        return wire

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        secure = name in self.secure
        while (name, kind) not in self._records and (name, "CNAME") in self._records:
            ttl, texts = self._records[name, "CNAME"]
            reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", "CNAME", *texts))
            if not self.recursive:
                if secure:
                    reply.flags |= dns.flags.AD
                return
            name = texts[0].lower().rstrip(".")
            secure = secure and name in self.secure
        if (name, kind) in self._records:
            ttl, texts = self._records[name, kind]
            reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *texts))
        else:
            soa = f"ns.invalid. hostmaster.invalid. 1 60 60 60 {self.negative_ttl}"
            reply.authority.append(dns.rrset.from_text(".", 600, "IN", "SOA", soa))
            if name not in self._names:
                reply.set_rcode(dns.rcode.NXDOMAIN)
        if secure:
            reply.flags |= dns.flags.AD


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        async def answer() -> None:
            wire = await self._server.reply(data, self._server.asked, UDP_MOST)
            if wire is not None:
                self._transport.sendto(wire, addr)

        task = asyncio.create_task(answer())
        self._server._tasks.add(task)
        task.add_done_callback(self._server._tasks.discard)

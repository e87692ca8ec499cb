"""One question to one name server: by UDP, and by TCP where the answer did not fit.

Every question has a socket of its own, so that its port is as random as its number (RFC 5452 §4.5), and the socket
is connected, so that only the server's own datagrams reach us. What does not belong to the question is passed over;
the deadline ends the wait.
"""

import asyncio
import struct

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

PAYLOAD = 1232  # octets of a UDP answer that no path fragments (RFC 9715 §3.2)

Server = tuple[str, int]


class ServerFailed(Exception):
    """This server gave no usable answer; the text says why."""


async def ask(
    server: Server, name: dns.name.Name, kind: dns.rdatatype.RdataType, patience: float
) -> dns.message.Message:
    """The server's answer within `patience` seconds, whatever it says. Raises ServerFailed."""
    question = dns.message.make_query(
        name, kind, flags=dns.flags.RD | dns.flags.AD, want_dnssec=True, payload=PAYLOAD
    )
    try:
        async with asyncio.timeout(patience):
            answer = await _by_udp(server, question)
            if answer.rcode() == dns.rcode.FORMERR and not answer.answer:
                question.use_edns(False)  # a server of before EDNS (RFC 6891 §7)
                answer = await _by_udp(server, question)
            if answer.flags & dns.flags.TC:
                answer = await _by_tcp(server, question)
    except TimeoutError:
        raise ServerFailed("no answer in time") from None
    except (OSError, EOFError) as error:  # IncompleteReadError is an EOFError
        raise ServerFailed(f"cannot be asked ({type(error).__name__})") from error
    except (dns.exception.DNSException, ValueError) as error:
        raise ServerFailed(f"answers with garbage ({type(error).__name__})") from error
    return answer


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the datagram that answers the question."""

    def __init__(self, question: dns.message.Message) -> None:
        self._question = question
        self.answer: asyncio.Future[dns.message.Message] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.answer.done() or data[:2] != struct.pack("!H", self._question.id):
            return
        try:
            # a cut answer is cut between records, or within one: TCP will tell in either case
            answer = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
        except (dns.exception.DNSException, ValueError) as error:
            if len(data) > 2 and data[2] & 0x02:  # TC
                answer = dns.message.make_response(self._question)
                answer.flags |= dns.flags.TC
            else:
                self.answer.set_exception(error)
                return
        if self._question.is_response(answer):
            self.answer.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)  # an ICMP answer: nobody is at that port


async def _by_udp(server: Server, question: dns.message.Message) -> dns.message.Message:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Datagrams(question), remote_addr=server
    )
    try:
        transport.sendto(question.to_wire())
        return await protocol.answer
    finally:
        transport.close()


async def _by_tcp(server: Server, question: dns.message.Message) -> dns.message.Message:
    reader, writer = await asyncio.open_connection(*server)
    try:
        wire = question.to_wire()
        writer.write(struct.pack("!H", len(wire)) + wire)
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        answer = dns.message.from_wire(await reader.readexactly(size))
        if not question.is_response(answer):
            raise dns.exception.FormError
        return answer
    finally:
        writer.close()

"""TLS as a function of bytes: what came from the peer goes in, plaintext and bytes for the peer come out.

No socket and no waiting here. OpenSSL's memory buffers never shrink, so bytes pass through them in pieces of
one TLS record (16 KiB): a connection that once moved 100 MB costs no more memory afterwards than any other.
"""

import _ssl
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

RECORD = 16 * 1024  # RFC 8446 §5.1: the largest plaintext of a record
PATIENCE = 4 * 1024  # octets of OpenSSL's own that may wait for our next words


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """What was agreed with the peer."""

    version: str  # TLSv1.3
    cipher: str
    bits: int
    server_name: str | None  # the name asked for by SNI (RFC 6066 §3)
    end_point: bytes = b""  # our certificate's hash, for channel binding (RFC 5929 §4.1)


class ServerContext(ssl.SSLContext):
    """A context that knows what its certificate's hash is."""

    end_point: bytes = b""


class ServerSide(ssl.SSLObject):
    """OpenSSL's server side of one connection; remembers the name that the client asked for."""

    server_name_asked: str | None = None


class Layer:
    """The server's side of TLS over one byte stream. Errors are `ssl.SSLError`; then the stream is dead."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "established")

    def __init__(self, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self.established = False
        self.ended = False  # the peer said close_notify: no more will come

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the peer; return the plaintext in them. Afterwards look at `outgoing`."""
        if len(data) <= RECORD:
            return self._receive(data)
        return b"".join(self._receive(data[at : at + RECORD]) for at in range(0, len(data), RECORD))

    def _receive(self, data: bytes) -> bytes:
        self._incoming.write(data)
        if not self.established:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.established = True
        pieces = list(self._plaintext())
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _plaintext(self) -> Iterator[bytes]:
        # asking only while something is pending spares the exception that a dry read would raise
        while not self.ended and (self._incoming.pending or self._object.pending()):
            try:
                piece = self._object.read(RECORD)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.ended = True
                return
            yield piece

    def send(self, data: bytes) -> bytes:
        """The records that carry `data`."""
        if len(data) <= RECORD:
            self._object.write(data)
            return self._outgoing.read()
        pieces = []
        view = memoryview(data)
        while view:
            view = view[self._object.write(view[:RECORD]) :]
            pieces.append(self._outgoing.read())
        return b"".join(pieces)

    @property
    def patient(self) -> bool:
        """Whether what OpenSSL has to say may go with our next words: tickets of TLS 1.3 (RFC 8446 §4.6.1).

        A few of them: each KeyUpdate of the peer asks for an answer, and a peer that says nothing else must
        not fill our memory with them (§4.6.3).
        """
        return self.established and self._outgoing.pending <= PATIENCE and self._object.version() == "TLSv1.3"

    def outgoing(self) -> bytes:
        """What OpenSSL itself has to say: handshake, tickets, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def end(self) -> bytes:
        """Our close_notify (RFC 8446 §6.1)."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            pass  # it waits for the peer's own close_notify, which is not needed
        return self._outgoing.read()

    def info(self) -> TlsInfo:
        name, _, bits = self._object.cipher() or ("", "", 0)
        asked = self._object.server_name_asked if isinstance(self._object, ServerSide) else None
        end_point = getattr(self._object.context, "end_point", b"")
        return TlsInfo(self._object.version() or "", name, bits, asked, end_point)


class ClientLayer(Layer):
    """The client's side: it asks for `server_name` and, if the context says so, holds the peer to that name."""

    __slots__ = ()

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        super().__init__(context, server_name)

    def begin(self) -> bytes:
        """The ClientHello: the client speaks first."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    @property
    def patient(self) -> bool:
        """Never: the server may wait for the end of our handshake before it says a word."""
        return False

    def certificates(self) -> list[bytes]:
        """What the server showed, in DER, its own certificate first; nothing of it is proven by being here."""
        shown = self._object._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public from 3.13
        return [each.public_bytes(_ssl.ENCODING_DER) for each in shown or ()]

"""A TLS client that misbehaves: what Python's `ssl` can't be made to say, said through OpenSSL itself.

Bytes in, bytes out, no socket: `hear` what the server wrote, `say` what it is to be sent.
"""

import ctypes
import ctypes.util
from typing import Any

import pytest

TLS_1_2, TLS_1_3 = 0x0303, 0x0304
UPDATE_REQUESTED = 1
_WANT_READ, _WANT_WRITE = 2, 3
_SET_MIN_PROTO, _SET_MAX_PROTO, _PENDING = 123, 124, 10


def library() -> Any:
    name = ctypes.util.find_library("ssl")
    if name is None:
        pytest.skip("no OpenSSL library here")
    lib = ctypes.CDLL(name)
    for function in ("TLS_client_method", "SSL_CTX_new", "SSL_new", "BIO_new", "BIO_s_mem"):
        getattr(lib, function).restype = ctypes.c_void_p
    lib.BIO_ctrl.restype = ctypes.c_long
    return lib


class RawTls:
    """The client's side of one connection."""

    def __init__(self, version: int) -> None:
        self._lib = lib = library()
        context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
        for which in (_SET_MIN_PROTO, _SET_MAX_PROTO):
            lib.SSL_CTX_ctrl(context, which, ctypes.c_long(version), None)
        self.failed = False
        self._ssl = ctypes.c_void_p(lib.SSL_new(context))
        self._in = ctypes.c_void_p(lib.BIO_new(ctypes.c_void_p(lib.BIO_s_mem())))
        self._out = ctypes.c_void_p(lib.BIO_new(ctypes.c_void_p(lib.BIO_s_mem())))
        lib.SSL_set_bio(self._ssl, self._in, self._out)
        lib.SSL_set_connect_state(self._ssl)

    def handshake(self) -> bool:
        """Go on with the handshake (the first, or one that was asked for); whether it is over."""
        done: int = self._lib.SSL_do_handshake(self._ssl)
        self.failed = done <= 0 and self._lib.SSL_get_error(self._ssl, done) not in (_WANT_READ, _WANT_WRITE)
        return done == 1

    def hear(self, data: bytes) -> None:
        self._lib.BIO_write(self._in, data, len(data))

    def say(self) -> bytes:
        """What is to be sent."""
        pending = self._lib.BIO_ctrl(self._out, _PENDING, 0, None)
        buffer = ctypes.create_string_buffer(max(pending, 1))
        count = self._lib.BIO_read(self._out, buffer, pending)
        return buffer.raw[: max(count, 0)]

    def send(self, plain: bytes) -> None:
        self._lib.SSL_write(self._ssl, plain, len(plain))

    def read(self) -> bytes:
        """Plain octets of the server's that have come."""
        buffer = ctypes.create_string_buffer(65536)
        count = self._lib.SSL_read(self._ssl, buffer, len(buffer))
        return buffer.raw[: max(count, 0)]

    def ask_for_new_keys(self) -> None:
        """KeyUpdate with update_requested (RFC 8446 §4.6.3): the server has to answer each."""
        assert self._lib.SSL_key_update(self._ssl, UPDATE_REQUESTED) == 1
        self._lib.SSL_do_handshake(self._ssl)

    def renegotiate(self) -> None:
        """A ClientHello within the connection: TLS 1.2 and before."""
        assert self._lib.SSL_renegotiate(self._ssl) == 1
        self._lib.SSL_do_handshake(self._ssl)

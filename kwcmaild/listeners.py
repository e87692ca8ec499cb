"""Listening sockets: those handed over by systemd or our supervisor, the others bound here.

A configured address takes the inherited socket of that address; port 0 takes the next inherited one of its
host. What was handed over and is named by no setting is closed, with a line in the log.
"""

import errno
import logging
import os
import socket
from collections.abc import Sequence
from typing import NamedTuple

from config.settings import Listen, Settings, SmtpListen
from net.log import event
from net.notify import Inherited
from net.server import bind, bind_unix, prepare

ROOMS = ("smtp", "imap", "pop3", "relay", "web")  # one process each; relay listens nowhere

_log = logging.getLogger("kwcmaild")


class CannotListen(Exception):
    """An address that cannot be had; the text says why and what to do."""


class Listener(NamedTuple):
    """A configured address and its socket."""

    listen: Listen
    sock: socket.socket


def configured(settings: Settings, room: str) -> tuple[Listen, ...]:
    """The addresses of a room, in the order of the file."""
    rooms: dict[str, tuple[Listen, ...]] = {
        "smtp": settings.smtp.listen,
        "imap": settings.imap.listen,
        "pop3": settings.pop3.listen,
        "web": settings.web.listen,
        "relay": (),
    }
    return rooms[room]


def open_listeners(room: str, listens: Sequence[Listen], given: Sequence[Inherited] = ()) -> list[Listener]:
    """A socket for each address. Raises `CannotListen`; then none stays open."""
    left = [inherited.sock for inherited in given]
    found: list[Listener] = []
    try:
        for listen in listens:
            sock = _take(listen, left) or _bind(room, listen)
            found.append(Listener(listen, sock))
    except CannotListen:
        for listener in found:
            listener.sock.close()
        raise
    for sock in left:
        event(_log, "socket.unused", logging.WARNING, room=room, address=name(sock))
        sock.close()
    return found


def name(sock: socket.socket) -> str:
    """`127.0.0.1:2143`, `[::]:143`"""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _take(listen: Listen, left: list[socket.socket]) -> socket.socket | None:
    host = "127.0.0.1" if listen.host == "localhost" else listen.host
    for sock in left:
        address = sock.getsockname()
        if sock.family == socket.AF_UNIX:
            if listen.path != address:
                continue
            left.remove(sock)
            prepare(sock)
            return sock
        if listen.path is None and address[0] == host and listen.port in (0, address[1]):
            left.remove(sock)
            prepare(sock)
            return sock
    return None


def _bind(room: str, listen: Listen) -> socket.socket:
    try:
        if listen.path is not None:
            mode, group = 0o660, None
            if isinstance(listen, SmtpListen):
                mode, group = int(listen.socket_mode, 8), listen.socket_group
            return bind_unix(listen.path, mode, group)
        return bind(listen.host, listen.port)
    except OSError as error:
        raise CannotListen(f"{room}: cannot listen on {listen.address}: {_reason(error, listen)}") from error


def _reason(error: OSError, listen: Listen) -> str:
    if listen.path is not None:
        if error.errno == errno.EADDRINUSE:
            return "another program listens there; end it, or change the address in kwcmaild.yaml"
        return str(error.strerror or error)
    if error.errno == errno.EADDRINUSE:
        return (
            f"another program has that port (`ss -ltnp 'sport = :{listen.port}'` as root names it);"
            " end it, or change the address in kwcmaild.yaml"
        )
    if error.errno == errno.EACCES:
        return "ports below 1024 need rights that this user has not: start it by systemd, which opens them"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return os.strerror(error.errno or 0)

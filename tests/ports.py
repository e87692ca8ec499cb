"""A port for a program that must be told one: nobody else is given it until these tests end.

It is bound here and not listened at: the system then chooses it for nobody, neither for a listener nor for a
connection, and the program that asks for this very port has it, as long as it sets SO_REUSEADDR (socket(7)).
"""

import socket

_held: list[socket.socket] = []


def reserved() -> int:
    """A port of 127.0.0.1."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    _held.append(sock)
    port: int = sock.getsockname()[1]
    return port

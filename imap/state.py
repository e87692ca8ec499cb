"""The states of a session (RFC 9051 §3), and the sets of them that rows of the command table name."""

from enum import Enum


class State(Enum):
    NOT_AUTHENTICATED = 1
    AUTHENTICATED = 2
    SELECTED = 3
    LOGOUT = 4


ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
OUTSIDE = frozenset({State.NOT_AUTHENTICATED})
INSIDE = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})

"""The commands of POP3. One row, one function, one citation."""

from pop3 import authorization, grammar, transaction
from pop3.session import Command, State

AUTHORIZATION = State.AUTHORIZATION
TRANSACTION = State.TRANSACTION
ANY = AUTHORIZATION | TRANSACTION

COMMANDS = (
    Command(b"CAPA", grammar.nothing, authorization.capa, ANY),  # RFC 2449 §5
    Command(b"STLS", grammar.nothing, authorization.stls, AUTHORIZATION),  # RFC 2595 §4
    Command(b"UTF8", grammar.nothing, authorization.utf8, AUTHORIZATION),  # RFC 6856 §2
    Command(b"USER", grammar.text, authorization.user, AUTHORIZATION),  # RFC 1939 §7
    Command(b"PASS", grammar.text, authorization.password, AUTHORIZATION),  # RFC 1939 §7
    Command(b"AUTH", grammar.mechanism, authorization.auth, AUTHORIZATION),  # RFC 5034 §4
    Command(b"STAT", grammar.nothing, transaction.stat, TRANSACTION),  # RFC 1939 §5
    Command(b"LIST", grammar.number_or_none, transaction.scan, TRANSACTION),  # RFC 1939 §5
    Command(b"UIDL", grammar.number_or_none, transaction.uidl, TRANSACTION),  # RFC 1939 §7
    Command(b"RETR", grammar.number, transaction.retr, TRANSACTION),  # RFC 1939 §5
    Command(b"TOP", grammar.number_and_lines, transaction.top, TRANSACTION),  # RFC 1939 §7
    Command(b"DELE", grammar.number, transaction.dele, TRANSACTION),  # RFC 1939 §5
    Command(b"RSET", grammar.nothing, transaction.rset, TRANSACTION),  # RFC 1939 §5
    Command(b"NOOP", grammar.nothing, transaction.noop, TRANSACTION),  # RFC 1939 §5
    Command(b"QUIT", grammar.nothing, transaction.leave, ANY),  # RFC 1939 §4 and §6
)

BY_NAME = {command.name: command for command in COMMANDS}

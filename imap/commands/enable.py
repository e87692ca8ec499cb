"""ENABLE (RFC 5161): extensions that change what the server sends without being asked."""

from dataclasses import replace

from imap.manner import Manner
from imap.scanner import Scanner
from imap.session import Session

# Each as it is spelled in CAPABILITY, and what it turns on.
EXTENSIONS = {
    b"CONDSTORE": {"modseq": True},  # RFC 7162 §3.1
    b"QRESYNC": {"modseq": True, "qresync": True},  # RFC 7162 §3.2.3: it enables CONDSTORE too
    b"UTF8=ACCEPT": {"utf8": True},  # RFC 9755 §3
    b"IMAP4rev2": {"rev2": True, "utf8": True},  # RFC 9051 §6.3.1, §5.1
    b"UIDONLY": {"uidonly": True},  # RFC 9586 §3
}


def parse(scanner: Scanner) -> tuple[bytes, ...]:
    names: list[bytes] = []
    while not scanner.at_end() or not names:
        scanner.space()
        names.append(scanner.keyword())
    return tuple(names)


async def run(session: Session, names: tuple[bytes, ...]) -> None:
    """What is not known, or switched off, is passed over in silence (RFC 5161 §3.1)."""
    before, manner = session.manner, session.manner
    enabled: list[bytes] = []
    for name, turns_on in EXTENSIONS.items():
        if name.upper() in names and name not in session.off and _adds(manner, name):
            manner = replace(manner, **turns_on)
            enabled.append(name)
    session.manner = replace(manner, modseq=before.modseq)
    if manner.modseq:
        session.begin_condstore()
    session.send(b"".join([b"* ENABLED", *(b" " + name for name in enabled), b"\r\n"]))


def _adds(manner: Manner, name: bytes) -> bool:
    return not all(getattr(manner, key) == value for key, value in EXTENSIONS[name].items())

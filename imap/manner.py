"""How one client is spoken to: what it has enabled (RFC 5161), and what follows from that.

A session starts with none of it and gets a new value with each thing that it turns on; nothing is ever turned off
but by UNAUTHENTICATE (RFC 8437 §3), which starts again. The five together decide the form of every untagged
response about messages, so they travel as one value.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """What the client understands beyond IMAP4rev1."""

    modseq: bool = False  # CONDSTORE (RFC 7162 §3.1): FETCH carries MODSEQ
    qresync: bool = False  # RFC 7162 §3.2: VANISHED for EXPUNGE, UID in every FETCH
    utf8: bool = False  # RFC 9755 §3, RFC 9051 §5.1: mailbox names and quoted strings are UTF-8
    rev2: bool = False  # RFC 9051: no \\Recent, ESEARCH for SEARCH, LIST at SELECT
    uidonly: bool = False  # RFC 9586: UIDFETCH and VANISHED, no message numbers

    @property
    def vanished(self) -> bool:
        """Whether what went is told by UID."""
        return self.qresync or self.uidonly


PLAIN = Manner()

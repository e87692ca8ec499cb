"""Questions to a message's header block that several rules ask: who is named in it, and what it calls itself."""

from collections.abc import Iterable

from storage.mime.addresses import addresses
from storage.mime.header import fields, unfold
from storage.people.address import AddressError, canonical

MOST_NAMED = 1_000  # addresses of one message that are looked at


def values(head: bytes, name: bytes) -> list[bytes]:
    """The unfolded values of all fields of a name (in lower case)."""
    return [unfold(head[each.value_start : each.end]) for each in fields(head) if each.name == name]


def first(head: bytes, name: bytes) -> bytes:
    """The value of the first field of a name; empty where there is none."""
    return next(iter(values(head, name)), b"")


def named(head: bytes, names: Iterable[bytes]) -> list[str]:
    """The addresses in fields such as To and Cc, canonical; what is no address is left out."""
    wanted = set(names)
    found: list[str] = []
    for each in fields(head):
        if each.name not in wanted:
            continue
        for address in addresses(unfold(head[each.value_start : each.end])):
            if not address.mailbox or not address.host:
                continue
            text = b"%s@%s" % (address.mailbox, address.host)
            try:
                found.append(canonical(text.decode()))
            except (AddressError, UnicodeDecodeError):
                continue
            if len(found) >= MOST_NAMED:
                return found
    return found


def message_ids(value: bytes) -> list[bytes]:
    """The `<…>` of Message-ID and References (RFC 5322 §3.6.4) that can be written into another message."""
    return [
        word
        for word in value.split()
        if len(word) <= 500
        and word.startswith(b"<")
        and word.endswith(b">")
        and word.isascii()
        and _plain(word)
    ]


def _plain(word: bytes) -> bool:
    return all(0x21 <= octet <= 0x7E for octet in word) and b"<" not in word[1:] and b">" not in word[:-1]

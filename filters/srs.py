"""The Sender Rewriting Scheme: the reverse-path of a mail that is sent on, under a domain of ours.

The next server looks whether we may send for the domain of the reverse-path (SPF): for the first sender's we
may not, for ours we may. And a bounce has to come back to whoever set the forward, for nobody else can mend it.
So the reverse-path of what `taro@example.jp` sends on for `someone@elsewhere.com` is

    SRS0=<hash>=<day>=elsewhere.com=someone=taro@example.jp

in the shape that forwarders all over the world use (SRS0, and SRS1 for what another forwarder has rewritten
already), with the forwarding account at its end: what stands after the second `=` is for nobody but its maker.

The hash (HMAC-SHA256 under a key in `<data>/state/`, compared without case, for others may change that) keeps
strangers from writing to addresses that we did not give out; the day (modulo 1,024, in base 32) ends an address
after three weeks. A local part past 64 octets (RFC 5321 §4.5.3.1.1) names the sender by a digest instead.
The empty reverse-path stays empty: what bounces a bounce is nobody.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from storage.people.address import FILE_OCTETS, Address, AddressError, parse

HASH = 6  # letters of base 32
DAYS = 21  # for which an address takes bounces
DAY = 86_400
CYCLE = 1024  # days that two letters of base 32 can tell apart

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_OURS = re.compile(r"srs([01])[=+-]([a-z2-7]{6})=(.+)=([^=]+)", re.IGNORECASE | re.DOTALL)
_FOREIGN = re.compile(r"srs([01])([=+-].+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Way:
    """What an address of ours says: who sent the mail on, and whose it was where that can be told."""

    forwarder: str
    sender: str | None


class Srs:
    """Rewrites and reads, under one key."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def rewrite(self, sender: str, forwarder: str, now: float) -> str:
        """The reverse-path of what `forwarder` (an address of ours) sends on for `sender`."""
        if not sender:
            return ""
        local, _, domain = forwarder.rpartition("@")
        address = parse(sender)
        foreign = _FOREIGN.fullmatch(address.local)
        if foreign is None:
            day = _day(now)
            rest = f"{day}={address.domain}={address.local}"
            if self._length(rest, local) > FILE_OCTETS:
                rest = f"{day}={address.domain}=~{_digest(address.local)}"
            return self._written("SRS0", rest, local, domain)
        # SRS1=<their hash>=<first forwarder>=<its address>: their hash gives way to ours
        again = foreign[2][1:].partition("=")[2]
        rest = f"{address.domain}={foreign[2]}" if foreign[1] == "0" else again
        return self._written("SRS1", rest, local, domain)

    def read(self, address: Address, now: float) -> Way | None:
        """What an address says that we gave out; None if we did not, or too long ago."""
        found = _OURS.fullmatch(address.local)
        if found is None:
            return None
        kind, given, rest, forwarder = found.groups()
        whole = f"{forwarder}@{address.domain}"
        if not hmac.compare_digest(given.lower(), self._hash(f"SRS{kind}", rest, whole)):
            return None
        if kind == "1":
            return Way(whole.lower(), None)
        day, _, sender = rest.partition("=")
        domain, _, local = sender.partition("=")
        age = _age(day, now)
        if age is None or age > DAYS:
            return None
        if local.startswith("~"):
            return Way(whole.lower(), None)
        return Way(whole.lower(), str(Address(local, domain.lower())))

    @staticmethod
    def looks_like_one(local: str) -> bool:
        """Is it an address that no account can have, and that only `read` can judge?"""
        return _FOREIGN.fullmatch(local) is not None

    def _written(self, kind: str, rest: str, local: str, domain: str) -> str:
        return str(Address(f"{kind}={self._hash(kind, rest, f'{local}@{domain}')}={rest}={local}", domain))

    def _length(self, rest: str, local: str) -> int:
        return len(f"SRS0={'x' * HASH}={rest}={local}".encode())

    def _hash(self, kind: str, rest: str, forwarder: str) -> str:
        text = f"{kind}={rest}={forwarder}".lower().encode(errors="surrogateescape")
        return _base32(hmac.digest(self.key, text, "sha256"))[:HASH]


def sender_of(srs: Srs, reverse_path: str, now: float) -> str | None:
    """Whom an answer goes to: the reverse-path, or the first sender where it is one of ours; None if unknown."""
    try:
        address = parse(reverse_path)
    except AddressError:
        return None
    if not Srs.looks_like_one(address.local):
        return reverse_path
    way = srs.read(address, now)
    return reverse_path if way is None else way.sender


def _day(now: float) -> str:
    day = int(now // DAY) % CYCLE
    return _LETTERS[day >> 5] + _LETTERS[day & 31]


def _age(day: str, now: float) -> int | None:
    """Days since then; one in the future (a clock that was put right) is today."""
    if len(day) != 2 or any(letter not in _LETTERS for letter in day.lower()):
        return None
    then = (_LETTERS.index(day[0].lower()) << 5) + _LETTERS.index(day[1].lower())
    age = (int(now // DAY) - then) % CYCLE
    return 0 if age == CYCLE - 1 else age


def _digest(local: str) -> str:
    return _base32(hashlib.sha256(local.encode(errors="surrogateescape")).digest())[:8]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()

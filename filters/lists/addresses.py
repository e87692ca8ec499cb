"""The addresses of a list besides its name: for `sales@example.jp`

- `sales-owner@` and `sales-request@` reach its owner (RFC 2142 §6);
- `sales-bounces+<hash>@` is the reverse-path of one member's copies (VERP), so that a bounce says by its address
  alone whose mail came back. The hash is under a key of ours: nobody can bounce a member away by guessing;
- `sales-bounces@` is the reverse-path of copies that name no member;
- `sales-confirm+ok-<token>@` and `…+no-<token>@` take the owner's decision about a post that waits.

None of them stands in the way of an account, an alias or a forward of that name, which come first.
"""

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from storage.people.address import Address

Errand = Literal["owner", "request", "bounces", "confirm"]

HASH = 16  # letters of base 32

_ERRAND = re.compile(r"(.+)-(owner|request|bounces|confirm)(?:\+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an address may mean: the list, the errand, and what stands behind the plus."""

    list: str
    errand: Errand
    detail: str


def read(address: Address) -> Wanted | None:
    """What an address of ours means if there is a list of that name."""
    folded = address.folded
    found = _ERRAND.fullmatch(folded.local)
    if found is None:
        return None
    return Wanted(f"{found[1]}@{folded.domain}", found[2], found[3] or "")  # type: ignore[arg-type]


def of(address: str, errand: Errand, detail: str = "") -> str:
    """An address of the list `address` for an errand."""
    local, _, domain = address.rpartition("@")
    return f"{local}-{errand}{f'+{detail}' if detail else ''}@{domain}"


@dataclass(frozen=True, slots=True)
class Verp:
    """The reverse-paths of one list's copies."""

    list: str
    key: bytes

    def of(self, member: str) -> str:
        """For the copies of one member, named by its canonical address."""
        return of(self.list, "bounces", self._hash(member))

    def whose(self, detail: str, members: Iterable[str]) -> str | None:
        """The member whose copy has come back."""
        wanted = detail.lower()
        return next((each for each in members if hmac.compare_digest(self._hash(each), wanted)), None)

    def _hash(self, member: str) -> str:
        text = f"{self.list}\0{member}".encode(errors="surrogateescape")
        return base64.b32encode(hmac.digest(self.key, text, "sha256")).decode().lower()[:HASH]

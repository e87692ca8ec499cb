"""The scopes of API tokens as people write them: `accounts:read`, `domains:*`, `*:read`."""

from collections.abc import Iterable

from storage.admin_files import Refused
from web.person import SCOPES


def expanded(scopes: Iterable[str]) -> frozenset[str]:
    """Scopes as they are kept: a `*` stands for those that there are now, and for none that come later."""
    found: set[str] = set()
    for scope in scopes:
        subject, _, verb = scope.partition(":")
        meant = {
            known
            for known in SCOPES
            if subject in ("*", known.partition(":")[0]) and verb in ("*", known.partition(":")[2])
        }
        if not meant:
            raise Refused(f"{scope[:60]} is no scope; there are: {', '.join(SCOPES)}")
        found |= meant
    return frozenset(found)

"""Where a mailbox name leads: into the client's own account, or into another's of its domain (RFC 2342, RFC 4314).

Others' mailboxes lie under `Other Users/<local part>/`. Whoever has no right at all to one hears that there is
none; whoever may see it hears that the right is missing. A name is looked up again with each command, so a right
that is taken away is gone at once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.imap import RIGHTS
from imap.mailbox_name import DELIMITER
from imap.replies import No
from storage.errors import MailboxMissing, NameRefused
from storage.layout import canonical_name

if TYPE_CHECKING:
    from storage.account import Account

OTHERS = "Other Users"
_PREFIX = OTHERS + DELIMITER


@dataclass(frozen=True, slots=True)
class Place:
    """A mailbox that may exist."""

    account: "Account"  # whose it is
    name: str  # what its owner calls it
    shown: str  # what this client calls it
    rights: str = RIGHTS

    def may(self, needed: str) -> bool:
        return all(letter in self.rights for letter in needed)

    def require(self, needed: str) -> "Place":
        """This place, where all these rights are there."""
        if self.may(needed):
            return self
        if "l" in self.rights:
            raise No(b"You have no right to do that", b"NOPERM")
        raise MailboxMissing(self.shown)


def is_others(name: str) -> bool:
    """Whether a name lies outside the client's own mailboxes."""
    return name == OTHERS or name.startswith(_PREFIX)


def split(name: str, domain: str) -> tuple[str, str] | None:
    """Owner's address and its name for the mailbox; None for what is above all mailboxes."""
    local, _, rest = name.removeprefix(_PREFIX).partition(DELIMITER)
    if not name.startswith(_PREFIX) or not local or not rest:
        return None
    try:
        return f"{local.lower()}@{domain}", canonical_name(rest)
    except NameRefused:
        return None


def owner(name: str, domain: str) -> str:
    """Whose mailboxes a name among others' is about; empty: everybody's."""
    local = name.removeprefix(OTHERS).removeprefix(DELIMITER).partition(DELIMITER)[0]
    return f"{local.lower()}@{domain}" if local else ""


def shown(owner: str, name: str) -> str:
    """How a mailbox of another account is named."""
    return f"{_PREFIX}{owner.rpartition('@')[0]}{DELIMITER}{name}"


def above(name: str) -> str:
    """The name of the mailbox above; empty where there is none."""
    return name.rpartition(DELIMITER)[0]

"""Who may use whose mailboxes, within one domain (RFC 4314).

Rights come from two places and are united: the owner's account file (`share`, which only people and the panel
write), and the folder's mailbox.json (`acl`, given by SETACL). Nobody outside the owner's domain has any, nobody
has rights in an account that does not exist, and the owner has all of them, always.

What SETACL gives is given to an account and not to its name: beside it stands the MAILBOXID of its INBOX, which a
successor of the same name has not, and which comes back with an account that is undeleted. What account files give
is taken out of them when an account is deleted (storage/admin_shares.py), for people write these.

`state/shares.sqlite` answers who has given anything to whom, which the files could only say when all of them are
read. It is a cache, made again per domain where it is missing; it may say too much, never too little: an entry is
on the disk before the right is. What somebody may do is always read from the files.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from config.imap import ANYONE, RIGHTS
from storage import describe, tree
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.errors import Broken, MailboxMissing, TooManyMailboxes
from storage.layout import account_dir, folder_name
from storage.people.address import AddressError, parse
from storage.people.directory import AccountEntry, Directory
from storage.rows import MailboxInfo
from storage.state.statedb import StateDb

ACL = "acl"  # in mailbox.json: {address or `anyone`: rights}
BOUND = "acl_accounts"  # in mailbox.json: {address: MAILBOXID of its INBOX when the rights were given}
MOST_NAMED = 200  # people with rights of their own in one mailbox
REMEMBERED = 5.0  # seconds for which the account files that share something need not be looked for again

_SCHEMA = (
    "CREATE TABLE share (domain TEXT NOT NULL, who TEXT NOT NULL, owner TEXT NOT NULL,"
    " PRIMARY KEY (domain, who, owner)) WITHOUT ROWID;"
    "CREATE INDEX share_owner ON share (domain, owner);"
    "CREATE TABLE known (domain TEXT PRIMARY KEY) WITHOUT ROWID",
)

logger = logging.getLogger("storage.sharing")


@dataclass(frozen=True, slots=True)
class Visible:
    """A mailbox of somebody else."""

    owner: str  # its address
    info: MailboxInfo
    rights: str


class Sharing:
    """The rights, for one process. Blocks on the disk: for threads."""

    def __init__(
        self,
        data: Path,
        directory: Directory,
        files: Callable[[str], AbstractContextManager[AccountFiles]],
    ) -> None:
        self._data = data
        self._directory = directory
        self._files = files
        self._db = StateDb(data / "state" / "shares.sqlite", _SCHEMA, durable=True)
        self._in_files: dict[str, tuple[float, dict[str, set[str]]]] = {}  # domain → until, who → owners

    def close(self) -> None:
        self._db.close()

    def rights(self, owner: str, name: str, who: str) -> str:
        """What `who` may do in a mailbox of `owner`; empty for nothing, also where there is no such mailbox."""
        if owner == who:
            return RIGHTS
        entry = self._entry(owner, who)
        if entry is None:
            return ""
        description = describe.load(self._maildir(owner) / folder_name(name))
        if description is None:
            return ""
        granted = self._united(entry, name, description, {who, ANYONE})
        return _ordered(granted.get(who, "") + granted.get(ANYONE, ""))

    def granted(self, owner: str, name: str) -> dict[str, str]:
        """Everybody but the owner who has rights in a mailbox, and which. Raises MailboxMissing."""
        description = describe.load(self._maildir(owner) / folder_name(name))
        if description is None:
            raise MailboxMissing(name)
        entry = self._directory.account(owner)
        return self._united(entry, name, description) if entry is not None else {}

    def identify(self, owner: str, text: str) -> str | None:
        """The account of the owner's domain that is meant, or `anyone`; None for nobody. Raises Broken."""
        if text.lower() == ANYONE:
            return ANYONE
        domain = owner.rpartition("@")[2]
        try:
            entry = self._directory.login(parse(text if "@" in text else f"{text}@{domain}").folded)
        except AddressError:
            return None
        return entry.address if entry is not None and entry.address.endswith(f"@{domain}") else None

    def grant(self, owner: str, name: str, who: str, change: Callable[[str], str]) -> None:
        """Give, add, or take away what mailbox.json says of `who`. Raises MailboxMissing, TooManyMailboxes."""
        domain = owner.rpartition("@")[2]
        self._make_sure(domain)
        with self._db.transaction() as transaction:
            transaction.execute("INSERT OR IGNORE INTO share VALUES (?, ?, ?)", (domain, who, owner))
        mark = self.mark(who, make=True)
        with self._files(owner) as files, files.writing() as db:
            folder = folders.load(db, files.maildir, name)
            description = folder.description()
            acl, bound = self._acl(description), _bound(description)
            rights = _ordered(change(acl.pop(who, "")))
            if rights:
                acl[who], bound[who] = rights, mark
            if len(acl) > MOST_NAMED:
                raise TooManyMailboxes(f"{len(acl)} people")
            _save(folder, description, acl, bound)
            if not rights:
                self._forget(files, domain, who)

    def owners(self, who: str) -> list[str]:
        """The accounts that may have given `who` something."""
        domain = who.rpartition("@")[2]
        self._make_sure(domain)
        rows = self._db.query(
            "SELECT DISTINCT owner FROM share WHERE domain = ? AND who IN (?, ?)", (domain, who, ANYONE)
        )
        named = self._named_in_files(domain)
        return sorted({row[0] for row in rows} | named.get(who, set()) | named.get(ANYONE, set()) - {who})

    def visible(self, who: str) -> list[Visible]:
        """The mailboxes of others that `who` may see."""
        found: list[Visible] = []
        for owner in self.owners(who):
            try:
                entry = self._entry(owner, who)
            except Broken:
                continue
            if entry is None or owner == who or not (self._maildir(owner) / "cur").is_dir():
                continue
            with self._files(owner) as files:
                infos = tree.listing(files)
            for info in infos:
                rights = self.rights(owner, info.name, who) if info.selectable else ""
                if "l" in rights:
                    found.append(Visible(owner, info, rights))
        return found

    def inherit(self, owner: str, name: str, parent: str) -> None:
        """A new mailbox begins with the rights of the one above it (RFC 4314 §3.1 leaves that to us)."""
        above = describe.load(self._maildir(owner) / folder_name(parent))
        if above is not None and (acl := self._acl(above)):
            with self._files(owner) as files, files.writing() as db:
                folder = folders.load(db, files.maildir, name)
                _save(folder, folder.description(), acl, _bound(above))

    def _united(
        self, entry: AccountEntry, name: str, description: describe.Description, among: Set[str] | None = None
    ) -> dict[str, str]:
        """What both say, of all people or of these."""
        domain = entry.address.rpartition("@")[2]
        found = self._acl(description, among)
        for text, rights in entry.file.share.get(name, {}).items():
            who = _address(text, domain)
            if who is not None and (among is None or who in among):
                found[who] = _ordered(found.get(who, "") + rights)
        found.pop(entry.address, None)
        return found

    def _acl(self, description: describe.Description, among: Set[str] | None = None) -> dict[str, str]:
        """What SETACL has given to those who are still the same, of all people or of these."""
        bound = _bound(description)
        return {
            who: rights
            for who, rights in _written(description).items()
            if (among is None or who in among) and (who not in bound or bound[who] == self.mark(who))
        }

    def mark(self, who: str, *, make: bool = False) -> str:
        """What an account has and a successor of its name has not; `make`: also of one that has no mail yet."""
        if who == ANYONE:
            return ""
        if make and self._directory.account(who) is not None:
            with self._files(who) as files, files.reading():
                pass
        inbox = describe.load(self._maildir(who))
        return inbox.mailboxid if inbox is not None else ""

    def _entry(self, owner: str, who: str) -> AccountEntry | None:
        if owner.rpartition("@")[2] != who.rpartition("@")[2]:
            return None
        return self._directory.account(owner)

    def _maildir(self, owner: str) -> Path:
        return account_dir(self._data, owner) / "Maildir"

    def _named_in_files(self, domain: str) -> dict[str, set[str]]:
        known = self._in_files.get(domain)
        now = time.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        named: dict[str, set[str]] = {}
        for local, share in self._directory.cache.shares(domain):
            for rights in share.values():
                for text in rights:
                    who = _address(text, domain)
                    if who is not None:
                        named.setdefault(who, set()).add(f"{local}@{domain}")
        self._in_files[domain] = now + REMEMBERED, named
        return named

    def _make_sure(self, domain: str) -> None:
        """A domain of which nothing is known yet: read all its folders once."""
        if self._db.query("SELECT 1 FROM known WHERE domain = ?", (domain,)):
            return
        found = {(domain, who, owner) for owner, who in _all_given(self._data, domain)}
        with self._db.transaction() as transaction:
            transaction.executemany("INSERT OR IGNORE INTO share VALUES (?, ?, ?)", found)
            transaction.execute("INSERT OR IGNORE INTO known VALUES (?)", (domain,))

    def _forget(self, files: AccountFiles, domain: str, who: str) -> None:
        if who not in _given(files.maildir):
            with self._db.transaction() as transaction:
                transaction.execute(
                    "DELETE FROM share WHERE domain = ? AND who = ? AND owner = ?",
                    (domain, who, files.address),
                )


def _address(text: str, domain: str) -> str | None:
    """Whom an account file names: an address, or a local part of the domain."""
    if text == ANYONE:
        return ANYONE
    if "@" not in text:
        return f"{text}@{domain}"
    return text if text.endswith(f"@{domain}") else None


def _written(description: describe.Description) -> dict[str, str]:
    """What SETACL has written; other programs may have made anything of it."""
    acl = description.rest.get(ACL, {})
    if not isinstance(acl, dict):
        return {}
    return {who: _ordered(rights) for who, rights in acl.items() if isinstance(rights, str)}


def _bound(description: describe.Description) -> dict[str, str]:
    bound = description.rest.get(BOUND, {})
    return dict(bound) if isinstance(bound, dict) else {}


def _save(
    folder: folders.Folder, description: describe.Description, acl: dict[str, str], bound: dict[str, str]
) -> None:
    bound = {who: bound[who] for who in acl if who in bound}
    describe.save(folder.path, replace(description, rest={**description.rest, ACL: acl, BOUND: bound}))


def _ordered(rights: str) -> str:
    return "".join(letter for letter in RIGHTS if letter in rights)


def _given(maildir: Path) -> set[str]:
    """Everybody who is named in a folder of an account."""
    found: set[str] = set()
    for entry in os.scandir(maildir):
        if entry.name.startswith(".") and entry.is_dir():
            description = describe.load(Path(entry.path))
            found |= _written(description).keys() if description is not None else set()
    inbox = describe.load(maildir)
    return found | (_written(inbox).keys() if inbox is not None else set())


def _all_given(data: Path, domain: str) -> Iterator[tuple[str, str]]:
    try:
        accounts = [entry.name for entry in os.scandir(data / "mail" / domain)]
    except FileNotFoundError:
        return
    for local in accounts:
        try:
            for who in _given(data / "mail" / domain / local / "Maildir"):
                yield f"{local}@{domain}", who
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, json.JSONDecodeError):
            logger.exception("the rights in an account cannot be read")

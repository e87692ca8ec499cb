"""Accounts: seen, made, changed, deleted and had back, by their administrators; settings also by their users.

What a change needs is said field by field (`NEEDED`), so that whoever may only set the forwarding can do that
and nothing else in the same form. Whoever is suspended, deleted or given a new password is thrown out of the
mail doors, which are told to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from config.account import AccountFile
from config.units import format_size
from storage import admin, admin_deleted, admin_secrets
from storage.admin import AccountChange, AccountDetails, AccountSummary
from storage.admin_deleted import Deleted
from storage.admin_files import Missing, Refused
from storage.bus import Hint
from storage.people.directory_cache import Name
from storage.people.lockout import Lock
from storage.people.roster import Line, Totals, Wanted
from storage.queue import held_mail
from storage.state.holds import Hold
from web.office import Office
from web.person import Person, Right, allow
from web.strength import LEAST_LENGTH, strength

NEEDED: Mapping[str, Right] = {
    "password": Right.ACCOUNT_PASSWORD,
    "quota": Right.ACCOUNT_LIMIT,
    "quota_messages": Right.ACCOUNT_LIMIT,
    "comment": Right.ACCOUNT_COMMENT,
    "aliases": Right.ACCOUNT_ALIASES,
    "send_as": Right.ACCOUNT_ALIASES,
    "forward_to": Right.ACCOUNT_FORWARD,
    "keep_copy": Right.ACCOUNT_FORWARD,
    "autoreply": Right.ACCOUNT_AUTOREPLY,
    "tag_subject": Right.ACCOUNT_SPAM,
    "to_junk": Right.ACCOUNT_SPAM,
    "receive": Right.ACCOUNT_RECEIVE,
    "suspended": Right.ACCOUNT_SUSPEND,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of accounts, and what the domain has together."""

    lines: list[Line]
    total: int  # on all pages
    locked: frozenset[str]  # addresses
    held: frozenset[str]
    totals: Totals
    capacity: int


async def lines(office: Office, person: Person, domain: str, wanted: Wanted) -> Listing:
    """A page of a domain's accounts."""
    allow(person, Right.ACCOUNTS_SEE, domain)
    return await office.run(_lines, office, domain, wanted)


async def show(office: Office, person: Person, address: str) -> AccountDetails:
    """All that is known of one account."""
    allow(person, Right.ACCOUNT_SEE, address=address)
    lockout, sending = office.store.logins.lockout, office.store.sending
    return await office.run(admin.show_account, office.directory, address, lockout, sending)


async def file(office: Office, person: Person, address: str) -> AccountFile:
    """Its settings, as its file has them."""
    allow(person, Right.ACCOUNT_SEE, address=address)
    return await office.run(_file, office, address)


async def create(office: Office, person: Person, address: str, change: AccountChange) -> AccountSummary:
    """A new account."""
    allow(person, Right.ACCOUNT_CREATE, address.rpartition("@")[2].lower())
    refuse_weak(change.password, address, change.comment or "")
    made = await office.run(admin.add_account, office.directory, address, change)
    await office.audit(person, Right.ACCOUNT_CREATE, subject=made.address, details=told(change))
    return made


async def change(
    office: Office,
    person: Person,
    address: str,
    wanted: AccountChange,
    *,
    seen: str | None = None,
    proved: bool = False,
) -> AccountSummary:
    """Set what is given; each thing needs its right. `seen`: the digest of the file that the person looked at.
    One's own password is changed by who has `proved` to know it (`web.acts.own`)."""
    rights = {right for name, right in NEEDED.items() if getattr(wanted, name) is not None} or {
        Right.ACCOUNT_COMMENT
    }
    for right in sorted(rights):
        allow(person, right, address=address)
    if wanted.suspended and address == person.address:
        raise Refused("nobody suspends the own account")
    if wanted.password is not None and address == person.address and not proved:
        raise Refused("one's own password is changed with the current one, under Password and security")
    refuse_weak(wanted.password, address)
    changed = await office.run(admin.set_account, office.directory, address, wanted, seen=seen)
    action = sorted(rights)[0] if len(rights) == 1 else "account.change"
    await office.audit(person, action, subject=changed.address, details=told(wanted))
    if wanted.suspended or wanted.password is not None:
        throw_out(office, changed.address)
    return changed


async def delete(office: Office, person: Person, address: str) -> None:
    """The account goes; for some days it can be had back."""
    allow(person, Right.ACCOUNT_DELETE, address=address)
    await office.run(_delete, office, address)
    throw_out(office, address)
    await office.audit(person, Right.ACCOUNT_DELETE, subject=address)


async def deleted(office: Office, person: Person, domain: str) -> list[Deleted]:
    """What can still be had back."""
    allow(person, Right.ACCOUNTS_SEE, domain)
    return await office.run(admin_deleted.deleted, office.directory, domain)


async def undelete(office: Office, person: Person, address: str) -> None:
    """Have it back, with its mail."""
    allow(person, Right.ACCOUNT_CREATE, address.rpartition("@")[2])
    await office.run(admin_deleted.undelete, office.directory, address)
    await office.audit(person, Right.ACCOUNT_CREATE, subject=address, details="undeleted")


async def remove(office: Office, person: Person, address: str) -> None:
    """A deleted account's mail goes for good, now."""
    allow(person, Right.ACCOUNT_DELETE, address.rpartition("@")[2])
    await office.run(admin_deleted.remove_deleted, office.directory, address)
    await office.audit(person, Right.ACCOUNT_DELETE, subject=address, details="mail removed")


async def unlock(office: Office, person: Person, address: str) -> list[Lock]:
    """Let its owner log in again at once; the locks there were."""
    allow(person, Right.ACCOUNT_UNLOCK, address=address)
    locks = await office.run(admin.unlock, office.directory, address)
    await office.audit(person, Right.ACCOUNT_UNLOCK, subject=address, details=str(len(locks)))
    return locks


async def hold(office: Office, person: Person, address: str, reason: str) -> bool:
    """Let it send nothing more; whether it was not held yet."""
    allow(person, Right.ACCOUNT_HOLD, address=address)
    held = await office.run(_hold, office, address, reason[:200])
    await office.audit(person, Right.ACCOUNT_HOLD, subject=address, details=reason[:200])
    return held


async def unhold(office: Office, person: Person, address: str) -> Hold | None:
    """Let it send again; the hold there was."""
    allow(person, Right.ACCOUNT_HOLD, address=address)
    held = await office.run(_unhold, office, address)
    await office.audit(person, Right.ACCOUNT_HOLD, subject=address, details="released")
    return held


async def two_factor_off(office: Office, person: Person, address: str) -> None:
    """For who has lost the telephone and the recovery codes."""
    allow(person, Right.ACCOUNT_TWO_FACTOR_OFF, address=address)
    await office.run(admin_secrets.set_two_factor, office.directory, address, None)
    await office.audit(person, Right.ACCOUNT_TWO_FACTOR_OFF, subject=address)


def refuse_weak(password: object, *names: str) -> None:
    """Refuse a password that guessers would find; a hash was a password that was looked at."""
    if not isinstance(password, str):
        return
    found = strength(password, *names)
    if not found.long_enough:
        raise Refused(f"the password has fewer than {LEAST_LENGTH} characters")
    if not found.enough:
        raise Refused("the password is too easy to guess: make it longer, or less like a word or a name")


def throw_out(office: Office, address: str) -> None:
    """The mail doors look whether the account's sessions may go on."""
    office.store.bus.publish(Hint(address, "", 0))


def told(change: AccountChange) -> str:
    """What was set, for the audit log; never a password, and of an automatic reply only whether it is on."""
    said = []
    for name in (each.name for each in fields(change)):
        value = getattr(change, name)
        if value is None:
            continue
        if name == "password":
            value = "***"
        elif name == "autoreply":
            value = "on" if value.enabled else "off"
        elif name == "quota":
            value = format_size(value)
        elif isinstance(value, tuple):
            value = " ".join(value) or "-"
        said.append(f"{name}={value}")
    return ", ".join(said)


def _lines(office: Office, domain: str, wanted: Wanted) -> Listing:
    if not office.directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    locked = frozenset(lock.account for lock in office.store.logins.lockout.locks() if lock.account)
    held = frozenset(each.account for each in office.store.sending.holds.all())
    if wanted.state in ("locked", "held"):
        among = locked if wanted.state == "locked" else held
        wanted = _among(wanted, among, domain)
    found, total = office.roster.lines(domain, wanted)
    contract = office.directory.domain(domain)
    capacity = contract.capacity if contract else 0
    return Listing(found, total, locked, held, office.roster.totals(domain), capacity)


def _among(wanted: Wanted, addresses: frozenset[str], domain: str) -> Wanted:
    locals_ = (each.rpartition("@") for each in addresses)
    return Wanted(
        wanted.search,
        "",
        wanted.sort,
        wanted.descending,
        wanted.first,
        wanted.most,
        frozenset(local for local, _, at in locals_ if at == domain),
    )


def _file(office: Office, address: str) -> AccountFile:
    name: Name = admin.find_account(office.directory, address)
    known = office.directory.files.look(name)
    if known is None or not isinstance(known.content, AccountFile):
        raise Refused(f"the file of {address} cannot be read as it is: see `kwcmaild check`")
    return known.content


def _delete(office: Office, address: str) -> None:
    admin_deleted.delete(office.directory, address)
    office.panel.end(address)


def _hold(office: Office, address: str, reason: str) -> bool:
    """With what it has in the queue."""
    held = admin.hold_sending(office.directory, address, reason)
    if (entry := office.directory.account(address)) is not None:
        held_mail.hold(office.queue, office.settings().data / "state", entry, office.store.clock)
    return held


def _unhold(office: Office, address: str) -> Hold | None:
    held = admin.unhold_sending(office.directory, address)
    if held is not None and (entry := office.directory.account(address)) is not None:
        held_mail.release(office.queue, office.settings().data / "state", entry)
    return held

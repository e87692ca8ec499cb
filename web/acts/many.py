"""The same for many accounts, and accounts from a file and into one.

A file is looked at as a whole first: what each line would do, what stands in its way, whether it all fits
into the contract. That plan is what the person sees and confirms; only then is anything written. Accounts
come first, so that they receive mail at once; their passwords are hashed one after the other and set as they
are ready.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError

from config.account import AccountFile
from config.contract import over_capacity, wrong_quota
from config.units import GIB
from config.values import own_address
from storage import account_csv, admin, admin_many
from storage.account_csv import Row, Wrong
from storage.admin import AccountChange
from storage.admin_files import Missing, Refused, check_free
from storage.list_csv import Encoding
from storage.people.directory_cache import Name
from storage.people.passwords import new_password
from storage.people.roster import Wanted
from web.acts import accounts
from web.acts.accounts import refuse_weak, told
from web.jobs import Job
from web.office import Office
from web.person import Person, Right, allow, may

MOST = 1_000_000  # accounts of an export


@dataclass(frozen=True, slots=True)
class Planned:
    """What a line would do."""

    line: int
    address: str
    change: AccountChange
    new: bool
    generated: bool  # its password is made here and shown on a sheet


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do. With anything wrong, nothing is done."""

    domain: str
    planned: list[Planned]
    unchanged: int
    wrong: list[Wrong]
    over: str | None  # the contract would be passed: how far
    before: int  # limits together
    after: int
    capacity: int

    @property
    def new(self) -> int:
        return sum(each.new for each in self.planned)

    @property
    def passwords(self) -> int:
        return sum(each.change.password is not None for each in self.planned)


async def plan(office: Office, person: Person, domain: str, data: bytes) -> Plan:
    """Look at a file; nothing is changed. Raises BadCsv."""
    allow(person, Right.ACCOUNT_CREATE, domain)
    return await office.run(_plan, office, person, domain, data)


async def carry_out(office: Office, person: Person, made: Plan) -> Job:
    """Begin to do what a plan says."""
    allow(person, Right.ACCOUNT_CREATE, made.domain)
    if made.wrong or made.over:
        raise Refused("a plan with mistakes is not carried out")
    return _begin(office, person, made.domain, "csv", made.planned)


async def new_passwords(office: Office, person: Person, domain: str, addresses: Sequence[str]) -> Job:
    """New passwords for accounts that there are."""
    planned = []
    for address in addresses:
        allow(person, Right.ACCOUNT_PASSWORD, domain, address)
        if address == person.address:
            raise Refused("one's own password is changed with the current one, under Password and security")
        planned.append(Planned(0, address, AccountChange(password=new_password()), False, True))
    return _begin(office, person, domain, "passwords", planned)


async def each(
    office: Office, person: Person, addresses: Sequence[str], what: str, *, limit: int | None = None
) -> dict[str, str]:
    """One act for each account; by address, why it was refused."""
    problems = {}
    for address in addresses:
        try:
            if what == "delete":
                await accounts.delete(office, person, address)
            elif what == "unlock":
                await accounts.unlock(office, person, address)
            else:
                await accounts.change(office, person, address, _change_of(what, limit))
        except Refused as error:
            problems[address] = str(error)
    return problems


def _change_of(what: str, limit: int | None) -> AccountChange:
    match what:
        case "limit" if limit is not None:
            return AccountChange(quota=limit)
        case "suspend" | "resume":
            return AccountChange(suspended=what == "suspend")
        case "receive_on" | "receive_off":
            return AccountChange(receive=what == "receive_on")
    raise Refused("there is no such action")


async def export(office: Office, person: Person, domain: str, encoding: Encoding, *, japanese: bool) -> bytes:
    """All accounts as a file that comes in again."""
    allow(person, Right.ACCOUNTS_SEE, domain)
    await office.audit(person, Right.ACCOUNTS_SEE, domain=domain, subject=domain, details="CSV")
    return await office.run(_export, office, domain, encoding, japanese)


def _export(office: Office, domain: str, encoding: Encoding, japanese: bool) -> bytes:
    found, _ = office.roster.lines(domain, Wanted(most=MOST))

    def cells() -> list[list[str]]:
        lines = []
        for line in found:
            known = office.directory.files.look(Name("account", domain, line.local))
            file = known.content if known and isinstance(known.content, AccountFile) else AccountFile()
            flags = (
                file.forward.keep_copy,
                file.receive,
                file.suspended,
                file.spam.tag_subject,
                file.spam.to_junk,
            )
            login = datetime.fromtimestamp(line.login_at).strftime("%Y-%m-%d %H:%M") if line.login_at else ""
            limit = str(line.quota // GIB) if line.quota % GIB == 0 else f"{line.quota}B"
            lines.append(
                [
                    line.address,
                    limit,
                    file.comment,
                    " ".join(file.aliases),
                    " ".join(file.forward.to),
                    *(account_csv.yes_or_no(flag, japanese=japanese) for flag in flags),
                    str(line.used // (1024 * 1024)),
                    login,
                ]
            )
        return lines

    return account_csv.write(cells(), encoding, japanese=japanese)


def _plan(office: Office, person: Person, domain: str, data: bytes) -> Plan:
    directory = office.directory
    contract = directory.domain(domain)
    if contract is None:
        raise Missing(f"there is no domain {domain}")
    directory.refresh(domain)
    rows, wrong = account_csv.read(data, domain)
    planned: list[Planned] = []
    taken: dict[str, int] = {}  # local parts that lines of the file claim
    before, number = directory.cache.given(domain, GIB, without="")
    after, unchanged = before, 0
    for row in rows:
        try:
            one = _planned(office, person, domain, row, taken)
        except (Refused, ValueError) as error:
            wrong.append(Wrong(row.line, row.address, str(error)))
            continue
        if one.change == AccountChange():
            unchanged += 1
            continue
        planned.append(one)
        known = directory.cache.get(Name("account", domain, one.address.rpartition("@")[0]))
        had = (known.quota or GIB) if known is not None else 0
        number += one.new
        after += (one.change.quota if one.change.quota is not None else had or GIB) - had
    over = over_capacity(after, number, contract.capacity) if after > before else None
    wrong.sort(key=lambda each: each.line)
    return Plan(domain, planned, unchanged, wrong, over, before, after, contract.capacity)


def _planned(office: Office, person: Person, domain: str, row: Row, taken: dict[str, int]) -> Planned:
    directory = office.directory
    address = own_address(row.address)
    local, _, at = address.rpartition("@")
    if at != domain:
        raise Refused(f"{address} is not an address of {domain}")
    if taken.setdefault(local, row.line) != row.line:
        raise Refused(f"{address} stands in line {taken[local]} already")
    name = Name("account", domain, local)
    known = directory.files.look(name)
    file = known.content if known is not None and isinstance(known.content, AccountFile) else None
    if known is None:
        check_free(directory, name)
    elif file is None:
        raise Refused(f"the file of {address} cannot be read as it is: see `kwcmaild check`")
    change = _change(row, file)
    _check(office, name, change, row, taken)
    if file is not None:
        rights = {accounts.NEEDED[key] for key in accounts.NEEDED if getattr(change, key) is not None}
        own = change.password is not None and address == person.address
        if own or not all(may(person, right, domain, address) for right in rights):
            raise Refused(f"{address} may not be changed by you")
        return Planned(row.line, address, change, False, False)
    generated = row.password is None
    change = replace(change, password=row.password or new_password(), quota=change.quota or GIB)
    return Planned(row.line, address, change, True, generated)


def _change(row: Row, file: AccountFile | None) -> AccountChange:
    """What a line says that is not so already."""
    now: dict[str, object] = {}
    if file is not None:
        now = {
            "quota": file.quota,
            "comment": file.comment,
            "aliases": file.aliases,
            "forward_to": file.forward.to,
            "keep_copy": file.forward.keep_copy,
            "tag_subject": file.spam.tag_subject,
            "to_junk": file.spam.to_junk,
            "receive": file.receive,
            "suspended": file.suspended,
        }
    said = {
        "quota": row.limit,
        "comment": row.comment,
        "aliases": row.aliases,
        "forward_to": row.forward_to,
        "keep_copy": row.keep_copy,
        "tag_subject": row.tag_subject,
        "to_junk": row.to_junk,
        "receive": row.receive,
        "suspended": row.suspended,
    }
    empty: tuple[object, ...] = ("", ())
    wanted = {
        key: value
        for key, value in said.items()
        if value is not None and value != now.get(key) and not (file is None and value in empty)
    }
    return AccountChange(password=row.password, **wanted)  # type: ignore[arg-type]  # each of its own type


def _check(office: Office, name: Name, change: AccountChange, row: Row, taken: dict[str, int]) -> None:
    """Whether the values are right, each by itself and against the others."""
    if change.quota is not None and (text := wrong_quota(change.quota, office.settings().service)):
        raise Refused(text)
    refuse_weak(row.password, row.address, row.comment or "")
    try:
        AccountFile(
            comment=change.comment or "",
            aliases=change.aliases or (),
            forward={"to": change.forward_to or ()},  # type: ignore[arg-type]  # as in a file
        )
    except ValidationError as error:
        raise Refused(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from error
    for alias in change.aliases or ():
        folded = alias.lower()
        if folded == name.local:
            raise Refused(f"{alias} is the account's own name")
        if taken.setdefault(folded, row.line) != row.line:
            raise Refused(f"{alias}@{name.domain} stands in line {taken[folded]} already")
        check_free(office.directory, Name("account", name.domain, folded), alias_of=name.local)


def _begin(office: Office, person: Person, domain: str, kind: str, planned: list[Planned]) -> Job:
    """Accounts first, then their passwords."""
    files = [each for each in planned if replace(each.change, password=None) != AccountChange() or each.new]
    secrets = [each for each in planned if each.change.password is not None]

    def work(job: Job) -> None:
        refused: set[str] = set()

        def step(local: str, problem: str | None) -> None:
            job.done += 1
            if problem is not None:
                refused.add(f"{local}@{domain}")
                job.problems.append(f"{local}@{domain}: {problem}")

        wanted = [(_local(each.address), replace(each.change, password=None)) for each in files]
        admin_many.apply(office.directory, domain, wanted, step, lambda: office.jobs.stopping)
        office.panel.note_all(
            person.address,
            [
                (Right.ACCOUNT_CREATE if each.new else "account.change", each.address, told(each.change))
                for each in files
                if each.address not in refused
            ],
            peer=person.peer,
        )
        for one in secrets:
            if office.jobs.stopping:
                return
            if one.address not in refused:
                _set_password(office, person, domain, one, job, step)

    return office.jobs.begin(person.address, domain, kind, len(files) + len(secrets), work)


def _set_password(
    office: Office, person: Person, domain: str, one: Planned, job: Job, step: admin_many.Step
) -> None:
    kept = admin.hashed(AccountChange(password=one.change.password))
    admin_many.apply(office.directory, domain, [(_local(one.address), kept)], step)
    office.panel.note_all(
        person.address, [(Right.ACCOUNT_PASSWORD, one.address, "password=***")], peer=person.peer
    )
    if not one.new:
        accounts.throw_out(office, one.address)
    if one.generated:
        job.passwords[one.address] = str(one.change.password)


def _local(address: str) -> str:
    return address.rpartition("@")[0]

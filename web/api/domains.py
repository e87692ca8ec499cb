"""Domains and their contracts."""

from typing import Annotated, Literal

from pydantic import Field

from config.domain import Administrator as FileAdministrator
from config.units import DAY
from storage.admin_domains import NEVER, DomainChange, DomainSummary
from web.acts import domains
from web.api.operation import Answer, Call, Operation
from web.api.problem import REFUSED
from web.api.shapes import LARGEST, Asked, DomainName, In, Octets, Out, OwnAddress, Page, Part
from web.person import Right

YEARS = 100 * 365 * DAY
Days = Annotated[int, Field(ge=DAY, le=YEARS, description="Seconds; a day at least.")]


class Administrator(Out):
    """An account that administers the domain, or a part of it."""

    address: str
    may: list[Literal["accounts", "lists", "read"]] = Field(description="Only these parts; none: everything.")


class Domain(Out):
    """A domain and its contract."""

    domain: str
    capacity: Octets
    given: Octets = Field(description="The sum of the accounts' limits.")
    accounts: int
    lists: int
    administrators: list[Administrator]
    catch_all: str | None
    archive_after: int | None = Field(description="Seconds; null: never.")
    trash: int | None = Field(description="Seconds; null: never.")
    problem: str | None = Field(description="Why the domain's file is not used as it is now.")

    @classmethod
    def of(cls, summary: DomainSummary) -> "Domain":
        return cls(
            domain=summary.domain,
            capacity=summary.capacity,
            given=summary.given,
            accounts=summary.accounts,
            lists=summary.lists,
            administrators=[
                Administrator(address=each, may=list(summary.parts.get(each, ())))
                for each in summary.administrators
            ],
            catch_all=summary.catch_all,
            archive_after=summary.archive_after,
            trash=summary.trash,
            problem=summary.problem,
        )


class GivenAdministrator(In):
    """An account that is to administer the domain."""

    address: OwnAddress
    may: list[Literal["accounts", "lists", "read"]] = Field(
        default=[], max_length=3, description="Only these parts; none: everything."
    )


class DomainPatch(In):
    """What is to be changed of a domain; what is not named stays. null for a time: never; for catch_all: nobody."""

    capacity: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="Octets: a multiple of 100 GiB (107374182400), up to 1 TiB."
    )
    administrators: list[GivenAdministrator] | None = Field(
        default=None, max_length=1000, description="All of them."
    )
    catch_all: OwnAddress | None = None
    archive_after: Days | None = None
    trash: Days | None = None

    def change(self) -> DomainChange:
        given = self.model_fields_set
        return DomainChange(
            capacity=self.capacity,
            administrators=_administrators(self.administrators),
            catch_all=(self.catch_all or "") if "catch_all" in given else None,
            archive_after=(self.archive_after or NEVER) if "archive_after" in given else None,
            trash=(self.trash or NEVER) if "trash" in given else None,
        )


class NewDomain(In):
    """A new domain. Its accounts come afterwards, and so can its administrators."""

    domain: DomainName
    capacity: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="Octets; null: 100 GiB."
    )
    administrators: list[GivenAdministrator] = Field(default=[], max_length=1000)


class DomainState(In):
    """A domain as it is to be: what is not named gets its default."""

    capacity: Annotated[int, Field(ge=1, le=LARGEST)] = Field(default=100 << 30, description="Octets.")
    administrators: list[GivenAdministrator] = Field(default=[], max_length=1000)
    catch_all: OwnAddress | None = None
    archive_after: Days | None = 180 * DAY
    trash: Days | None = 31 * DAY

    def change(self) -> DomainChange:
        return DomainChange(
            self.capacity,
            _administrators(self.administrators),
            self.catch_all or "",
            self.archive_after or NEVER,
            self.trash or NEVER,
        )


class Removal(Asked):
    """How a domain goes."""

    accounts: Literal["refuse", "delete"] = Field(
        default="refuse", description="What becomes of accounts and lists: `refuse` while there are some."
    )
    mail: Literal["keep", "delete"] = Field(
        default="keep", description="What becomes of the mail on the disk."
    )


async def every(call: Call[None, Part]) -> Answer:
    found = [Domain.of(each) for each in await domains.every(call.office, call.person)]
    return Answer(Page[Domain].of(found, call.query))


async def show(call: Call[None, None]) -> Answer:
    name = call.path["domain"]
    digest = await domains.digest(call.office, call.person, name)  # first: a change meanwhile makes it old
    return Answer(Domain.of(await domains.show(call.office, call.person, name)), digest=digest)


async def add(call: Call[NewDomain, None]) -> Answer:
    body = call.body
    wanted = DomainChange(body.capacity, _administrators(body.administrators) or None)
    made = await domains.add(call.office, call.person, body.domain, wanted)
    digest = await domains.digest(call.office, call.person, made.domain)
    return Answer(Domain.of(made), location=f"/domains/{made.domain}", digest=digest)


async def change(call: Call[DomainPatch, None]) -> Answer:
    return await _changed(call, call.body.change())


async def put(call: Call[DomainState, None]) -> Answer:
    return await _changed(call, call.body.change())


async def delete(call: Call[None, Removal]) -> Answer:
    await domains.delete(
        call.office,
        call.person,
        call.path["domain"],
        with_accounts=call.query.accounts == "delete",
        keep_mail=call.query.mail == "keep",
    )
    return Answer()


async def _changed(call: Call[DomainPatch, None] | Call[DomainState, None], wanted: DomainChange) -> Answer:
    name = call.path["domain"]
    changed = await domains.change(call.office, call.person, name, wanted, seen=call.seen)
    return Answer(Domain.of(changed), digest=await domains.digest(call.office, call.person, name))


def _administrators(given: list[GivenAdministrator] | None) -> tuple[str | FileAdministrator, ...] | None:
    if given is None:
        return None
    return tuple(FileAdministrator(address=each.address, may=tuple(each.may)) for each in given)


OPERATIONS = (
    Operation(
        "GET", "/domains", "listDomains", Right.DOMAINS_SEE, "The domains that the token's owner may see.",
        every, query=Part, gives=Page[Domain],
    ),
    Operation(
        "POST", "/domains", "createDomain", Right.DOMAIN_CREATE, "A new domain with its contract.",
        add, body=NewDomain, gives=Domain, status=201, guarded=True, problems=(REFUSED,),
    ),
    Operation(
        "GET", "/domains/{domain}", "getDomain", Right.DOMAIN_SEE, "One domain with its contract.",
        show, gives=Domain, guarded=True,
    ),
    Operation(
        "PUT", "/domains/{domain}", "replaceDomain", Right.DOMAIN_CAPACITY,
        "All settings of a domain: what is not named gets its default.",
        put, body=DomainState, gives=Domain, guarded=True,
    ),
    Operation(
        "PATCH", "/domains/{domain}", "changeDomain", Right.DOMAIN_SETTINGS,
        "Some settings of a domain; capacity only by the operator.",
        change, body=DomainPatch, gives=Domain, guarded=True,
    ),
    Operation(
        "DELETE", "/domains/{domain}", "deleteDomain", Right.DOMAIN_DELETE, "Take a domain away.",
        delete, query=Removal, status=204,
    ),
)  # fmt: skip

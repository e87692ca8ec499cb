"""The same for many accounts, and accounts from a table and into one."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from storage.admin_files import Missing, Refused
from web.acts import many
from web.acts.many import Plan
from web.api.operation import Answer, Call, Csv, Operation
from web.api.problem import INVALID, Fault, Problem
from web.api.shapes import LARGEST, Asked, In, LocalPart, Out, moment, moment_or_none
from web.jobs import Job
from web.person import Right


class Action(In):
    """What is done, and to which accounts."""

    action: Literal["limit", "suspend", "resume", "receive_on", "receive_off", "unlock", "delete"]
    locals: list[LocalPart] = Field(min_length=1, max_length=1000, description="Before the @.")
    limit: int | None = Field(default=None, ge=1, le=LARGEST, description="Octets; of `limit`.")


class Outcome(Out):
    """With how many it was done, and why with others not."""

    done: int
    problems: dict[str, str] = Field(description="By address.")


class Table(Asked):
    """How the table is written."""

    encoding: Literal["utf-8", "cp932"] = "utf-8"
    language: Literal["ja", "en"] = Field(default="en", description="Of the headings.")


class Way(Asked):
    """What is done with the table."""

    dry: bool = Field(default=False, description="Only say what would be done.")


class Planned(Out):
    """What a table would do, or, with `job`, does now."""

    new: int
    changed: int
    unchanged: int
    given_before: int = Field(description="The sum of the limits.")
    given_after: int
    job: str | None = Field(description="Under /jobs.")


class Work(Out):
    """Work that goes on: how far it is."""

    id: str
    domain: str
    total: int
    done: int
    begun: datetime
    ended: datetime | None
    problems: list[str]
    passwords: dict[str, str] = Field(description="Those that were made here, by address; for an hour.")

    @classmethod
    def of(cls, job: Job) -> "Work":
        return cls(
            id=job.id,
            domain=job.domain,
            total=job.total,
            done=job.done,
            begun=moment(job.begun),
            ended=moment_or_none(job.ended),
            problems=list(job.problems),
            passwords=dict(job.passwords),
        )


async def act(call: Call[Action, None]) -> Answer:
    body, domain = call.body, call.path["domain"]
    if (body.action == "limit") is not (body.limit is not None):
        raise Refused("a limit is given with the action limit, and with no other")
    addresses = [f"{local}@{domain}" for local in dict.fromkeys(body.locals)]
    problems = await many.each(call.office, call.person, addresses, body.action, limit=body.limit)
    return Answer(Outcome(done=len(addresses) - len(problems), problems=problems))


async def export(call: Call[None, Table]) -> Answer:
    asked = call.query
    table = await many.export(
        call.office, call.person, call.path["domain"], asked.encoding, japanese=asked.language == "ja"
    )
    return Answer(table)


async def take_over(call: Call[bytes, Way]) -> Answer:
    """All lines are looked at before any is done; with anything wrong nothing is."""
    plan = await many.plan(call.office, call.person, call.path["domain"], call.body)
    faults = [Fault(f"line {each.line}", each.problem) for each in plan.wrong]
    if plan.over:
        faults.append(Fault("", plan.over))
    if faults:
        raise Problem(INVALID, "the table cannot be used; nothing was changed", faults[:100])
    if call.query.dry:
        return Answer(_planned(plan, None), status=200)
    job = await many.carry_out(call.office, call.person, plan)
    return Answer(_planned(plan, job.id), location=f"/jobs/{job.id}")


async def job(call: Call[None, None]) -> Answer:
    found = call.office.jobs.get(call.person.address, call.path["id"])
    if found is None:
        raise Missing(f"there is no job {call.path['id']}")
    return Answer(Work.of(found))


def _planned(plan: Plan, which: str | None) -> Planned:
    return Planned(
        new=plan.new,
        changed=len(plan.planned) - plan.new,
        unchanged=plan.unchanged,
        given_before=plan.before,
        given_after=plan.after,
        job=which,
    )


OPERATIONS = (
    Operation(
        "POST", "/domains/{domain}/account-actions", "actOnAccounts", Right.ACCOUNT_CREATE,
        "The same for many accounts at once.",
        act, body=Action, gives=Outcome,
    ),
    Operation(
        "GET", "/domains/{domain}/accounts.csv", "exportAccounts", Right.ACCOUNTS_SEE,
        "All accounts as CSV, without passwords.",
        export, query=Table, gives=Csv,
    ),
    Operation(
        "PUT", "/domains/{domain}/accounts.csv", "importAccounts", Right.ACCOUNT_CREATE,
        "Make and change accounts from CSV, all or none; goes on as a job.",
        take_over, body=Csv, query=Way, gives=Planned, status=202, also=(200,),
    ),
    Operation("GET", "/jobs/{id}", "getJob", Right.SIGNED_IN, "How far a job is.", job, gives=Work),
)  # fmt: skip

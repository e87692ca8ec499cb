"""The log of who changed what."""

from datetime import datetime

from pydantic import Field

from storage.state.panel import Entry
from web.acts import audit
from web.api.operation import Answer, Call, Operation
from web.api.shapes import LARGEST, Asked, Out, moment
from web.person import Right


class Line(Out):
    """Who changed what, when, from where."""

    id: int
    at: datetime
    actor: str
    peer: str
    action: str
    domain: str = Field(description="Empty: the server's.")
    subject: str
    details: str

    @classmethod
    def of(cls, entry: Entry) -> "Line":
        return cls(
            id=entry.id,
            at=moment(entry.at),
            actor=entry.actor,
            peer=entry.peer,
            action=entry.action,
            domain=entry.domain,
            subject=entry.subject,
            details=entry.details,
        )


class Lines(Out):
    """The latest first. More of them: ask with `before` set to the id of the last."""

    items: list[Line]


class Which(Asked):
    """Which lines."""

    q: str = Field(default="", max_length=200, description="A part of actor, action, subject or details.")
    before: int | None = Field(default=None, ge=1, le=LARGEST, description="Older than the line of this id.")
    limit: int = Field(default=100, ge=1, le=1000)


async def entries(call: Call[None, Which]) -> Answer:
    asked = call.query
    found = await audit.entries(
        call.office,
        call.person,
        call.path.get("domain"),
        search=asked.q,
        before=asked.before,
        most=asked.limit,
    )
    return Answer(Lines(items=[Line.of(each) for each in found]))


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/audit", "listAudit", Right.AUDIT_SEE, "Who changed what in the domain.",
        entries, query=Which, gives=Lines,
    ),
    Operation(
        "GET", "/audit", "listServerAudit", Right.SERVER_AUDIT, "Who changed what on the server.",
        entries, query=Which, gives=Lines,
    ),
)  # fmt: skip

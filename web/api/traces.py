"""Where is my mail: the story of each message."""

from datetime import datetime

from pydantic import Field

from storage.state.stories import Event, Story
from web.acts import traces
from web.acts.traces import NEVER, Found, Wanted
from web.api.operation import Answer, Call, Operation
from web.api.shapes import Asked, Out, Time, moment
from web.person import Right


class Happened(Out):
    """One thing that happened to a message."""

    at: datetime
    what: str = Field(
        description="accepted, refused, check, stored, queued, sent, deferred, failed, forwarded, …"
    )
    recipient: str
    sender: str
    account: str
    queue_id: str
    peer: str = Field(description="The other host.")
    status: str | None = Field(description="RFC 3463, with its text.")
    detail: dict[str, str]

    @classmethod
    def of(cls, event: Event) -> "Happened":
        return cls(
            at=moment(event.at),
            what=event.what,
            recipient=event.recipient,
            sender=event.sender,
            account=event.account,
            queue_id=event.queue_id,
            peer=event.peer,
            status=None if event.status is None else str(event.status),
            detail=dict(event.detail),
        )


class Outcome(Out):
    """The last word on a recipient."""

    recipient: str
    what: str
    at: datetime
    status: str | None


class Mail(Out):
    """A message in the list."""

    trace: str
    at: datetime
    taken: bool = Field(description="False where it was refused as a whole.")
    sender: str
    recipients: list[str] = Field(description="The first ones.")
    subject: str
    outcomes: list[Outcome]

    @classmethod
    def of(cls, found: Found) -> "Mail":
        mail = found.mail
        return cls(
            trace=mail.trace,
            at=moment(mail.at),
            taken=mail.taken,
            sender=mail.sender,
            recipients=[each for each in mail.recipients.split() if "@" in each],
            subject=mail.subject,
            outcomes=_outcomes(found.story),
        )


class Mails(Out):
    """Messages, the newest first. More of them: ask with `before` set to the time of the last."""

    items: list[Mail]


class Told(Out):
    """What happened to a message."""

    trace: str
    message_id: str
    sender: str | None
    outcomes: list[Outcome]
    events: list[Happened]


class Search(Asked):
    """What is looked for."""

    q: str = Field(
        default="",
        max_length=1000,
        description="An address, a part of the subject or of an address, a message id or a queue id.",
    )
    after: Time | None = Field(default=None, description="Since then.")
    before: Time | None = Field(default=None, description="Before then.")
    limit: int = Field(default=50, ge=1, le=200)


def _outcomes(story: Story) -> list[Outcome]:
    return [
        Outcome(
            recipient=event.recipient,
            what=event.what,
            at=moment(event.at),
            status=None if event.status is None else str(event.status),
        )
        for event in story.outcomes.values()
    ]


async def find(call: Call[None, Search]) -> Answer:
    asked = call.query
    wanted = Wanted(
        asked.q,
        0.0 if asked.after is None else asked.after.timestamp(),
        NEVER if asked.before is None else asked.before.timestamp(),
        asked.limit,
    )
    found = await traces.find(call.office, call.person, call.path.get("domain", ""), wanted)
    return Answer(Mails(items=[Mail.of(each) for each in found]))


async def show(call: Call[None, None]) -> Answer:
    domain = call.path.get("domain", "")
    story = await traces.show(call.office, call.person, domain, call.path["trace"])
    return Answer(
        Told(
            trace=story.trace,
            message_id=story.message_id,
            sender=story.sender,
            outcomes=_outcomes(story),
            events=[Happened.of(each) for each in story.events],
        )
    )


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/traces", "findMail", Right.TRACE_SEE, "The domain's mail, the newest first.",
        find, query=Search, gives=Mails,
    ),
    Operation(
        "GET", "/domains/{domain}/traces/{trace}", "getTrace", Right.TRACE_SEE,
        "What happened to a message, as far as it is the domain's.",
        show, gives=Told,
    ),
    Operation(
        "GET", "/traces", "findAnyMail", Right.SERVER_SEE, "The mail of all domains.",
        find, query=Search, gives=Mails,
    ),
    Operation(
        "GET", "/traces/{trace}", "getAnyTrace", Right.SERVER_SEE, "What happened to any message.",
        show, gives=Told,
    ),
)  # fmt: skip

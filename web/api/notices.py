"""Notices: incidents, maintenance, news."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from storage.state.panel_notices import LONGEST_TEXT, LONGEST_TITLE, Audience, Kind, Notice, Words
from web.acts import notices
from web.api.operation import Answer, Call, Operation
from web.api.problem import MISSING
from web.api.shapes import Asked, In, Out, Time, moment, moment_or_none
from web.person import Right

_PRINTABLE = r"^[^\u0000-\u001f\u007f\u2028\u2029]*$"
Title = Annotated[str, StringConstraints(max_length=LONGEST_TITLE, pattern=_PRINTABLE)]
Body = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]


class Published(Out):
    """A notice."""

    id: int
    kind: Kind
    audience: Audience
    begins: datetime
    ends: datetime | None
    title_ja: str
    title_en: str
    text_ja: str
    text_en: str
    current: bool
    author: str
    created: datetime
    changed: datetime
    mailed: datetime | None = Field(description="When the administrators were told by mail.")

    @classmethod
    def of(cls, notice: Notice, now: float) -> "Published":
        words = notice.words
        return cls(
            id=notice.id,
            kind=words.kind,
            audience=words.audience,
            begins=moment(words.begins),
            ends=moment_or_none(words.ends),
            title_ja=words.title_ja,
            title_en=words.title_en,
            text_ja=words.text_ja,
            text_en=words.text_en,
            current=notice.current(now),
            author=notice.author,
            created=moment(notice.created),
            changed=moment(notice.changed),
            mailed=moment_or_none(notice.mailed),
        )


class List(Out):
    """Notices, the latest first."""

    items: list[Published]


class Written(In):
    """A notice as it is to read; a language left empty is read in the other."""

    kind: Kind
    audience: Audience = "everybody"
    begins: Time
    ends: Time | None = None
    title_ja: Title = ""
    title_en: Title = ""
    text_ja: Body = ""
    text_en: Body = ""

    def words(self) -> Words:
        return Words(
            self.kind,
            self.audience,
            self.begins.timestamp(),
            None if self.ends is None else self.ends.timestamp(),
            self.title_ja,
            self.title_en,
            self.text_ja,
            self.text_en,
        )


class Which(Asked):
    """Which notices."""

    current: bool = Field(default=False, description="Only those that have not ended.")
    limit: int = Field(default=100, ge=1, le=1000)


class Mailed(Out):
    """How many administrators were told."""

    sent: int


async def every(call: Call[None, Which]) -> Answer:
    found = await notices.shown(call.office, call.person, current=call.query.current, most=call.query.limit)
    return Answer(List(items=[Published.of(each, call.office.now()) for each in found]))


async def show(call: Call[None, None]) -> Answer:
    found = await notices.show(call.office, call.person, int(call.path["number"]))
    return Answer(Published.of(found, call.office.now()))


async def add(call: Call[Written, None]) -> Answer:
    made = await notices.add(call.office, call.person, call.body.words())
    return Answer(Published.of(made, call.office.now()), location=f"/notices/{made.id}")


async def change(call: Call[Written, None]) -> Answer:
    made = await notices.change(call.office, call.person, int(call.path["number"]), call.body.words())
    return Answer(Published.of(made, call.office.now()))


async def delete(call: Call[None, None]) -> Answer:
    await notices.delete(call.office, call.person, int(call.path["number"]))
    return Answer()


async def mail(call: Call[None, None]) -> Answer:
    return Answer(Mailed(sent=await notices.mail(call.office, call.person, int(call.path["number"]))))


OPERATIONS = (
    Operation(
        "GET", "/notices", "listNotices", Right.NOTICES_SEE, "Incidents, maintenance and news, the latest first.",
        every, query=Which, gives=List,
    ),
    Operation(
        "POST", "/notices", "createNotice", Right.NOTICES_EDIT, "Publish a notice.",
        add, body=Written, gives=Published, status=201,
    ),
    Operation(
        "GET", "/notices/{number}", "getNotice", Right.NOTICES_SEE, "One notice.", show, gives=Published,
    ),
    Operation(
        "PUT", "/notices/{number}", "replaceNotice", Right.NOTICES_EDIT, "Write a notice anew.",
        change, body=Written, gives=Published,
    ),
    Operation(
        "DELETE", "/notices/{number}", "deleteNotice", Right.NOTICES_EDIT, "Take a notice away.",
        delete, status=204,
    ),
    Operation(
        "POST", "/notices/{number}/mail", "mailNotice", Right.NOTICES_EDIT,
        "Mail a notice to every administrator of every domain.",
        mail, gives=Mailed, problems=(MISSING,),
    ),
)  # fmt: skip

"""Mailing lists and their settings. Members and held posts: `web.api.list_members`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from config.units import KIB, MIB
from storage.admin_files import Missing, Stale
from storage.admin_lists import ListChange, ListDetails, ListSummary
from web.acts import lists
from web.api.operation import Answer, Call, Operation
from web.api.problem import REFUSED
from web.api.shapes import LARGEST, Address, In, Line, LocalPart, Out, Page, Part
from web.person import Right

Posting = Literal["anyone", "members", "posters"]
Moderation = Literal["none", "strangers", "all"]
ReplyTo = Literal["list", "author"]
# printable, and no braces but those of the two names
_PREFIX = r"^([^\u0000-\u001f\u007f-\u009f{}\s]|\{name\}|\{number\})*$"
Prefix = Annotated[str, StringConstraints(pattern=_PREFIX, max_length=60)]
Size = Annotated[int, Field(ge=KIB, le=LARGEST, description="Octets.")]


class Summary(Out):
    """A list among others."""

    address: str
    owner: str
    members: int = Field(description="The owner counted.")
    posting: str
    moderation: str
    comment: str
    problem: str | None

    @classmethod
    def of(cls, summary: ListSummary) -> "Summary":
        return cls(
            address=summary.address,
            owner=summary.owner,
            members=summary.members,
            posting=summary.posting,
            moderation=summary.moderation,
            comment=summary.comment,
            problem=summary.problem,
        )


class Details(Summary):
    """All settings of a list."""

    prefix: str
    reply_to: str
    max_message: int
    posters: list[str]
    last_number: int
    waiting: int = Field(description="Posts that wait for a decision.")
    paused: list[str] = Field(description="Members to whom nothing is sent because their mail came back.")

    @classmethod
    def with_all(cls, details: ListDetails) -> "Details":
        return cls(
            **Summary.of(details.summary).model_dump(),
            prefix=details.prefix,
            reply_to=details.reply_to,
            max_message=details.max_message,
            posters=list(details.posters),
            last_number=details.last_number,
            waiting=len(details.waiting),
            paused=[each.member for each in details.bouncing if each.paused],
        )


class ListState(In):
    """A list as it is to be, but for its members: what is not named gets its default."""

    owner: Address
    posting: Posting = "anyone"
    posters: list[Address] = Field(default=[], max_length=1000, description="Members with the right to post.")
    moderation: Moderation = "none"
    prefix: Prefix = Field(default="[{name}:{number}]", description="Put before the subject.")
    reply_to: ReplyTo = "list"
    max_message: Size = 5 * MIB
    comment: Line = ""

    def change(self, members: tuple[str, ...] | None = None) -> ListChange:
        return ListChange(
            self.owner,
            members,
            self.posting,
            tuple(self.posters),
            self.moderation,
            self.prefix,
            self.reply_to,
            self.max_message,
            self.comment,
        )


class NewList(ListState):
    """A new list."""

    local: LocalPart = Field(description="What stands before the @.")
    members: list[Address] = Field(default=[], max_length=1000)


class ListPatch(In):
    """What is to be changed of a list; what is not named stays."""

    owner: Address | None = None
    posting: Posting | None = None
    posters: list[Address] | None = Field(default=None, max_length=1000)
    moderation: Moderation | None = None
    prefix: Prefix | None = None
    reply_to: ReplyTo | None = None
    max_message: Size | None = None
    comment: Line | None = None

    def change(self) -> ListChange:
        return ListChange(
            owner=self.owner,
            posting=self.posting,
            posters=None if self.posters is None else tuple(self.posters),
            moderation=self.moderation,
            prefix=self.prefix,
            reply_to=self.reply_to,
            max_message=self.max_message,
            comment=self.comment,
        )


async def every(call: Call[None, Part]) -> Answer:
    found = await lists.every(call.office, call.person, call.path["domain"])
    return Answer(Page[Summary].of([Summary.of(each) for each in found], call.query))


async def show(call: Call[None, None]) -> Answer:
    return await _shown(call, address(call))


async def add(call: Call[NewList, None]) -> Answer:
    wanted = call.body.change(tuple(call.body.members))
    made = await lists.add(call.office, call.person, f"{call.body.local}@{call.path['domain']}", wanted)
    return await _shown(call, made.address, made=True)


async def put(call: Call[ListState, None]) -> Answer:
    """Made where there is none; members stay."""
    which = address(call)
    try:
        if call.only_new:
            await lists.digest(call.office, call.person, which)
            raise Stale(f"{which} is there already")
        await lists.change(call.office, call.person, which, call.body.change(), seen=call.seen)
    except Missing:
        if call.seen is not None:
            raise Stale(f"{which} is there no more") from None
        await lists.add(call.office, call.person, which, call.body.change(()))
        return await _shown(call, which, made=True)
    return await _shown(call, which)


async def change(call: Call[ListPatch, None]) -> Answer:
    await lists.change(call.office, call.person, address(call), call.body.change(), seen=call.seen)
    return await _shown(call, address(call))


async def delete(call: Call[None, None]) -> Answer:
    await lists.delete(call.office, call.person, address(call), seen=call.seen)
    return Answer()


async def _shown(call: Call[Any, Any], which: str, *, made: bool = False) -> Answer:
    digest = await lists.digest(call.office, call.person, which)  # first: a change meanwhile makes it old
    details = Details.with_all(await lists.show(call.office, call.person, which))
    local, _, domain = which.rpartition("@")
    location = f"/domains/{domain}/lists/{local}" if made else ""
    return Answer(details, status=201 if made else 200, location=location, digest=digest)


def address(call: Call[Any, Any]) -> str:
    return f"{call.path['local']}@{call.path['domain']}"


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/lists", "listLists", Right.LISTS_SEE, "The domain's mailing lists.",
        every, query=Part, gives=Page[Summary],
    ),
    Operation(
        "POST", "/domains/{domain}/lists", "createList", Right.LISTS_EDIT, "A new mailing list.",
        add, body=NewList, gives=Details, status=201, guarded=True, problems=(REFUSED,),
    ),
    Operation(
        "GET", "/domains/{domain}/lists/{local}", "getList", Right.LISTS_SEE, "One list with its settings.",
        show, gives=Details, guarded=True,
    ),
    Operation(
        "PUT", "/domains/{domain}/lists/{local}", "putList", Right.LISTS_EDIT,
        "All settings of a list, which is made where there is none; its members stay.",
        put, body=ListState, gives=Details, also=(201,), guarded=True,
    ),
    Operation(
        "PATCH", "/domains/{domain}/lists/{local}", "changeList", Right.LISTS_EDIT, "Some settings of a list.",
        change, body=ListPatch, gives=Details, guarded=True,
    ),
    Operation(
        "DELETE", "/domains/{domain}/lists/{local}", "deleteList", Right.LISTS_EDIT, "Take a list away.",
        delete, status=204, guarded=True,
    ),
)  # fmt: skip

"""Members of mailing lists, one by one or as CSV, and posts that wait for a decision."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from storage import list_csv
from storage.admin_files import Missing, Refused
from storage.list_csv import Row
from web.acts import lists
from web.acts.lists import Waiting
from web.api.lists import address
from web.api.operation import Answer, Call, Csv, Operation
from web.api.shapes import Address, Asked, In, Line, Out, Page, Part, moment
from web.person import Right


class Member(Out):
    """A member of a list."""

    address: str
    name: str
    receives: bool
    may_post: bool

    @classmethod
    def of(cls, row: Row) -> "Member":
        return cls(
            address=row.address,
            name=row.name or "",
            receives=row.receives is not False,
            may_post=bool(row.may_post),
        )


class GivenMember(In):
    """A member as it is to be; what is null stays, or gets its default."""

    address: Address
    name: Line | None = Field(default=None, max_length=200)
    receives: bool | None = None
    may_post: bool | None = None


class Members(In):
    """Members to take over, all or none."""

    members: list[GivenMember] = Field(max_length=2000)


class Replace(Asked):
    """What becomes of the members that are not named."""

    replace: bool = Field(default=False, description="Whether they go.")


class Form(Asked):
    """How the table is written."""

    encoding: Literal["utf-8", "cp932"] = "utf-8"


class Taken(Out):
    """How many members came, changed and went."""

    came: int
    changed: int
    went: int


class Removal(In):
    """Members to take out."""

    members: list[Address] = Field(min_length=1, max_length=2000)


class Removed(Out):
    """How many there were."""

    went: int


class Post(Out):
    """A post that waits for a decision."""

    token: str
    at: datetime
    author: str
    subject: str
    trace: str

    @classmethod
    def of(cls, waiting: Waiting) -> "Post":
        post = waiting.post
        return cls(
            token=waiting.token,
            at=moment(post.at),
            author=post.author,
            subject=post.subject,
            trace=post.trace,
        )


class WholePost(Post):
    """A post with its beginning."""

    text: str
    more: bool = Field(description="Whether the text goes on.")
    attachments: list[str]


class Posts(Out):
    """Posts that wait, the oldest first."""

    items: list[Post]


class Decision(In):
    """What becomes of a post."""

    decision: Literal["approve", "refuse"]


async def members(call: Call[None, Part]) -> Answer:
    found = await lists.show(call.office, call.person, address(call))
    return Answer(Page[Member].of([Member.of(each) for each in found.members], call.query))


async def take_over(call: Call[Members, Replace]) -> Answer:
    rows: dict[str, Row] = {}
    for each in call.body.members:
        if each.address.lower() in rows:
            raise Refused(f"{each.address} is given a second time")
        name = None if each.name is None else " ".join(each.name.split())
        rows[each.address.lower()] = Row(each.address, name, each.receives, each.may_post)
    return await _taken(call, list(rows.values()), call.query.replace)


async def export(call: Call[None, Form]) -> Answer:
    return Answer(await lists.export(call.office, call.person, address(call), call.query.encoding))


async def import_(call: Call[bytes, Replace]) -> Answer:
    rows = await call.office.run(list_csv.read, call.body)
    return await _taken(call, rows, call.query.replace)


async def _taken(
    call: Call[Members, Replace] | Call[bytes, Replace], rows: list[Row], replace: bool
) -> Answer:
    done = await lists.take_over(call.office, call.person, address(call), rows, replace=replace)
    return Answer(Taken(came=done[0], changed=done[1], went=done[2]))


async def remove(call: Call[Removal, None]) -> Answer:
    went = await lists.remove_members(call.office, call.person, address(call), call.body.members)
    return Answer(Removed(went=went))


async def resume(call: Call[None, None]) -> Answer:
    if not await lists.resume(call.office, call.person, address(call), call.path["member"]):
        raise Refused(f"{call.path['member']} was not paused")
    return Answer()


async def waiting(call: Call[None, None]) -> Answer:
    found = await lists.waiting(call.office, call.person, address(call))
    return Answer(Posts(items=[Post.of(each) for each in found]))


async def look(call: Call[None, None]) -> Answer:
    found, preview = await lists.look(call.office, call.person, address(call), call.path["token"])
    return Answer(
        WholePost(
            **Post.of(found).model_dump(),
            text=preview.text,
            more=preview.more,
            attachments=list(preview.attachments),
        )
    )


async def decide(call: Call[Decision, None]) -> Answer:
    let_go = call.body.decision == "approve"
    if not await lists.decide(call.office, call.person, address(call), call.path["token"], let_go=let_go):
        raise Missing("this post waits no more")
    return Answer()


_LIST = "/domains/{domain}/lists/{local}"

OPERATIONS = (
    Operation(
        "GET", f"{_LIST}/members", "listMembers", Right.LISTS_SEE, "A list's members with their rights.",
        members, query=Part, gives=Page[Member],
    ),
    Operation(
        "PATCH", f"{_LIST}/members", "changeMembers", Right.LISTS_EDIT,
        "Take members over, all or none; with `replace` those not named go.",
        take_over, body=Members, query=Replace, gives=Taken,
    ),
    Operation(
        "POST", f"{_LIST}/members/remove", "removeMembers", Right.LISTS_EDIT, "Take members out.",
        remove, body=Removal, gives=Removed,
    ),
    Operation(
        "POST", f"{_LIST}/members/{{member}}/resume", "resumeMember", Right.LISTS_EDIT,
        "Send again to a member who was paused because mail came back.",
        resume, status=204,
    ),
    Operation(
        "GET", f"{_LIST}/members.csv", "exportMembers", Right.LISTS_SEE, "The members as CSV.",
        export, query=Form, gives=Csv,
    ),
    Operation(
        "PUT", f"{_LIST}/members.csv", "importMembers", Right.LISTS_EDIT,
        "Take members over from CSV, all or none; with `replace` those not named go.",
        import_, body=Csv, query=Replace, gives=Taken,
    ),
    Operation(
        "GET", f"{_LIST}/posts", "listPosts", Right.LISTS_SEE, "Posts that wait for a decision.",
        waiting, gives=Posts,
    ),
    Operation(
        "GET", f"{_LIST}/posts/{{token}}", "getPost", Right.LISTS_EDIT, "One of them, with its beginning.",
        look, gives=WholePost,
    ),
    Operation(
        "POST", f"{_LIST}/posts/{{token}}/decision", "decidePost", Right.LISTS_EDIT,
        "Let a post go to the members, or refuse it.",
        decide, body=Decision, status=204,
    ),
)  # fmt: skip

"""The mail of an account by folder and age, and mailboxes on other servers that it fetches from."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from config.values import host_name
from storage.admin_fetch import Fetch
from storage.admin_files import Missing, Refused
from web.acts import mail_data, popfetch
from web.api.account_shapes import Password
from web.api.accounts import address
from web.api.operation import Answer, Call, Operation
from web.api.problem import MISSING, REFUSED
from web.api.shapes import DOMAIN_PATTERN, In, Line, Out, Time, moment_or_none
from web.person import Right

Folder = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class FolderUse(Out):
    """One folder."""

    name: str
    special_use: str | None
    messages: int
    octets: int
    oldest: datetime | None
    newest: datetime | None


class Folders(Out):
    """What an account's folders hold."""

    items: list[FolderUse]


class Deletion(In):
    """Which mail goes, for good."""

    folders: list[Folder] = Field(min_length=1, max_length=1000)
    before: Time | None = Field(default=None, description="Only what came before; null: all.")


class Progress(Out):
    """How far the last deletion is."""

    of: int
    done: int
    ended: bool
    failed: bool


class GivenFetch(In):
    """A mailbox on another server, fetched by POP3."""

    server: Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN, max_length=253)]
    login: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    port: int = Field(default=995, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    keep: bool = Field(default=True, description="Whether messages stay there.")
    enabled: bool = True
    password: Password | None = Field(default=None, description="null: as it is.")

    def fetch(self) -> Fetch:
        try:
            server = host_name(self.server)
        except ValueError as error:
            raise Refused(str(error)) from error
        return Fetch(server, self.login, self.port, self.tls, self.keep, self.enabled)


class KnownFetch(Out):
    """A mailbox on another server, without its password."""

    key: str
    server: str
    login: str
    port: int
    tls: str
    keep: bool
    enabled: bool

    @classmethod
    def of(cls, fetch: Fetch) -> "KnownFetch":
        return cls(
            key=fetch.key,
            server=fetch.server,
            login=fetch.login,
            port=fetch.port,
            tls=fetch.tls,
            keep=fetch.keep,
            enabled=fetch.enabled,
        )


class Fetches(Out):
    """Mailboxes on other servers."""

    items: list[KnownFetch]


async def folders(call: Call[None, None]) -> Answer:
    found = await mail_data.overview(call.office, call.person, _whose(call))
    items = [
        FolderUse(
            name=each.name,
            special_use=each.special_use,
            messages=each.messages,
            octets=each.octets,
            oldest=moment_or_none(each.oldest),
            newest=moment_or_none(each.newest),
        )
        for each in found
    ]
    return Answer(Folders(items=items))


async def delete(call: Call[Deletion, None]) -> Answer:
    body, whose = call.body, _whose(call)
    before = None if body.before is None else body.before.timestamp()
    begun = await mail_data.delete(call.office, call.person, whose, body.folders, before)
    return Answer(Progress(of=begun.of, done=begun.done, ended=begun.ended, failed=begun.failed))


async def progress(call: Call[None, None]) -> Answer:
    found = mail_data.progress(call.office, call.person, _whose(call))
    if found is None:
        raise Missing("no mail was deleted lately")
    return Answer(Progress(of=found.of, done=found.done, ended=found.ended, failed=found.failed))


async def fetches(call: Call[None, None]) -> Answer:
    found = await popfetch.every(call.office, call.person, _whose(call))
    return Answer(Fetches(items=[KnownFetch.of(each) for each in found]))


async def add_fetch(call: Call[GivenFetch, None]) -> Answer:
    whose = _whose(call)
    if call.body.password is None:
        raise Refused("another mailbox needs its password")
    made = await popfetch.add(call.office, call.person, whose, call.body.fetch(), call.body.password)
    local, _, domain = whose.rpartition("@")
    return Answer(KnownFetch.of(made), location=f"/domains/{domain}/accounts/{local}/fetches/{made.key}")


async def change_fetch(call: Call[GivenFetch, None]) -> Answer:
    key, wanted = call.path["key"], call.body.fetch()
    made = await popfetch.change(call.office, call.person, _whose(call), key, wanted, call.body.password)
    return Answer(KnownFetch.of(made))


async def delete_fetch(call: Call[None, None]) -> Answer:
    await popfetch.delete(call.office, call.person, _whose(call), call.path["key"])
    return Answer()


def _whose(call: Call[Any, Any]) -> str:
    """The account of the path, or one's own."""
    return address(call) if "local" in call.path else call.person.address


_ONE = "/domains/{domain}/accounts/{local}"

OPERATIONS = tuple(
    operation
    for base, own in ((_ONE, ""), ("/own", "Own"))
    for operation in (
        Operation(
            "GET", f"{base}/mail", f"get{own}Mail", Right.ACCOUNT_SEE, "What each folder holds.",
            folders, gives=Folders,
        ),
        Operation(
            "POST", f"{base}/mail/deletions", f"delete{own}Mail", Right.ACCOUNT_DELETE_MAIL,
            "Delete mail by folder and age, for good; it goes on by itself.",
            delete, body=Deletion, gives=Progress, status=202,
        ),
        Operation(
            "GET", f"{base}/mail/deletions", f"get{own}Deletion", Right.ACCOUNT_DELETE_MAIL,
            "How far the last deletion is.",
            progress, gives=Progress, problems=(MISSING,),
        ),
        Operation(
            "GET", f"{base}/fetches", f"list{own}Fetches", Right.ACCOUNT_SEE,
            "Mailboxes on other servers that the account fetches from.",
            fetches, gives=Fetches,
        ),
        Operation(
            "POST", f"{base}/fetches", f"create{own}Fetch", Right.ACCOUNT_POP_FETCH, "One more of them.",
            add_fetch, body=GivenFetch, gives=KnownFetch, status=201, problems=(REFUSED,),
        ),
        Operation(
            "PUT", f"{base}/fetches/{{key}}", f"change{own}Fetch", Right.ACCOUNT_POP_FETCH, "Change one of them.",
            change_fetch, body=GivenFetch, gives=KnownFetch,
        ),
        Operation(
            "DELETE", f"{base}/fetches/{{key}}", f"delete{own}Fetch", Right.ACCOUNT_POP_FETCH, "Take one away.",
            delete_fetch, status=204,
        ),
    )
)  # fmt: skip

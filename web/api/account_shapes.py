"""What accounts look like in the API: what is sent of one, and what comes back."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from config.account import Autoreply as FileAutoreply
from config.units import GIB
from storage.admin import AccountChange, AccountDetails
from storage.admin_files import Refused
from storage.people.roster import Line as RosterLine
from storage.people.roster import Sort, State
from web.acts import accounts
from web.api.shapes import (
    LARGEST,
    Address,
    In,
    Line,
    LocalPart,
    Out,
    Page,
    Part,
    Text,
    moment,
    moment_or_none,
)

Password = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Quota = Annotated[int, Field(ge=1, le=LARGEST, description="Octets; a GiB at least.")]
Messages = Annotated[int, Field(ge=1, le=LARGEST)]


class Forwarding(In):
    """Where the account's mail goes besides, or instead."""

    to: list[Address] = Field(default=[], max_length=100, description="None: no forwarding.")
    keep_copy: bool = True


class Autoreply(In):
    """A prepared answer."""

    enabled: bool = False
    subject: Annotated[Line, StringConstraints(max_length=500)] = Field(
        default="", description="Empty: `Re:` and that of the message."
    )
    text: Annotated[Text, StringConstraints(max_length=100_000)] = ""
    from_: date | None = Field(default=None, alias="from", description="The first day; null: at once.")
    until: date | None = Field(default=None, description="The last day; null: without an end.")

    def file(self) -> FileAutoreply:
        if self.from_ and self.until and self.until < self.from_:
            raise Refused(f"until ({self.until}) is before from ({self.from_})")
        return FileAutoreply.model_validate(self.model_dump(by_alias=True))


class Spam(In):
    """What becomes of spam besides the mark in its header."""

    tag_subject: bool = Field(default=False, description="`[SPAM]` before the subject.")
    to_junk: bool = Field(default=False, description="Into the junk folder.")


class AccountPatch(In):
    """What is to be changed of an account; what is not named stays. Each thing needs its own right."""

    password: Password | None = None
    quota: Quota | None = None
    quota_messages: Messages | None = Field(default=None, description="null: any number.")
    comment: Line | None = None
    aliases: list[LocalPart] | None = Field(default=None, max_length=100, description="Before the @.")
    send_as: list[Address] | None = Field(default=None, max_length=100)
    forward: Forwarding | None = None
    autoreply: Autoreply | None = None
    spam: Spam | None = None
    receive: bool | None = None
    suspended: bool | None = None

    def change(self) -> AccountChange:
        unlimited = "quota_messages" in self.model_fields_set and self.quota_messages is None
        return AccountChange(
            self.password,
            self.quota,
            0 if unlimited else self.quota_messages,
            self.comment,
            None if self.aliases is None else tuple(self.aliases),
            None if self.send_as is None else tuple(self.send_as),
            None if self.forward is None else tuple(self.forward.to),
            None if self.forward is None else self.forward.keep_copy,
            None if self.autoreply is None else self.autoreply.file(),
            None if self.spam is None else self.spam.tag_subject,
            None if self.spam is None else self.spam.to_junk,
            self.receive,
            self.suspended,
        )


class AccountState(In):
    """An account as it is to be: what is not named gets its default, but the password stays."""

    password: Password | None = Field(default=None, description="null: as it is; of a new account, none.")
    quota: Quota = GIB
    quota_messages: Messages | None = Field(default=None, description="null: any number.")
    comment: Line = ""
    aliases: list[LocalPart] = Field(default=[], max_length=100, description="Before the @.")
    send_as: list[Address] = Field(default=[], max_length=100)
    forward: Forwarding = Forwarding()
    autoreply: Autoreply = Autoreply()
    spam: Spam = Spam()
    receive: bool = True
    suspended: bool = False

    def change(self) -> AccountChange:
        return AccountChange(
            self.password,
            self.quota,
            self.quota_messages or 0,
            self.comment,
            tuple(self.aliases),
            tuple(self.send_as),
            tuple(self.forward.to),
            self.forward.keep_copy,
            self.autoreply.file(),
            self.spam.tag_subject,
            self.spam.to_junk,
            self.receive,
            self.suspended,
        )


class NewAccount(AccountState):
    """A new account."""

    local: LocalPart = Field(description="What stands before the @.")


class OwnPatch(In):
    """What a user may change of the own account."""

    forward: Forwarding | None = None
    autoreply: Autoreply | None = None
    spam: Spam | None = None
    receive: bool | None = None

    def change(self) -> AccountChange:
        return AccountPatch(**{name: getattr(self, name) for name in self.model_fields_set}).change()


class Listed(Out):
    """An account in a list."""

    address: str
    quota: int
    used: int
    messages: int
    comment: str
    aliases: list[str]
    forward_to: list[str]
    receive: bool
    suspended: bool
    locked: bool = Field(description="Wrong passwords have locked it.")
    held: bool = Field(description="Its sending is held.")
    two_factor: bool
    last_login: datetime | None
    last_login_by: str | None
    problem: str | None

    @classmethod
    def of(cls, line: RosterLine, found: accounts.Listing) -> "Listed":
        return cls(
            address=line.address,
            quota=line.quota,
            used=line.used,
            messages=line.messages,
            comment=line.comment,
            aliases=list(line.aliases),
            forward_to=list(line.forward),
            receive=line.receive,
            suspended=line.suspended,
            locked=line.address in found.locked,
            held=line.address in found.held,
            two_factor=line.two_factor,
            last_login=moment_or_none(line.login_at),
            last_login_by=line.login_by,
            problem=line.problem,
        )


class Accounts(Page[Listed]):
    """A part of a domain's accounts, and what they have together."""

    capacity: int
    given: int = Field(description="The sum of all limits.")
    used: int


class Login(Out):
    """A successful login, to the hour."""

    net: str
    protocol: str
    at: datetime


class Locked(Out):
    """A lock after wrong passwords."""

    kind: str
    net: str
    since: datetime
    until: datetime | None = Field(description="null: until an administrator unlocks it.")
    failures: int


class Forwarded(Out):
    to: list[str]
    keep_copy: bool


class Replied(Out):
    enabled: bool
    subject: str
    text: str
    from_: date | None = Field(alias="from")
    until: date | None


class Sorted(Out):
    tag_subject: bool
    to_junk: bool


class Account(Out):
    """All that is known of one account. A password is never told."""

    address: str
    quota: int
    quota_messages: int | None
    used: int
    messages: int
    comment: str
    aliases: list[str]
    send_as: list[str]
    forward: Forwarded
    autoreply: Replied
    spam: Sorted
    receive: bool
    suspended: bool
    password: bool = Field(description="Whether there is one.")
    app_passwords: list[str]
    two_factor: bool
    held: str | None = Field(description="Why its sending is held.")
    locks: list[Locked]
    logins: list[Login]
    problem: str | None


class Search(Part):
    """Which accounts, in which order."""

    q: str = Field(default="", max_length=200, description="A part of address, comment or alias.")
    state: State = Field(default="", description="Only those in this state; empty: all.")
    sort: Sort = "address"
    order: Literal["asc", "desc"] = "asc"


class Reason(In):
    """Why."""

    reason: Annotated[Line, StringConstraints(max_length=200)] = ""


class Gone(Out):
    """A deleted account that can still be had back."""

    address: str
    deleted: datetime
    until: datetime
    comment: str
    quota: int


class AllGone(Out):
    """Deleted accounts that can still be had back."""

    items: list[Gone]


def account_of(details: AccountDetails, file: Mapping[str, Any]) -> Account:
    summary = details.summary
    used = details.used or (0, 0)
    return Account(
        address=summary.address,
        quota=summary.quota,
        quota_messages=summary.quota_messages,
        used=used[0],
        messages=used[1],
        comment=summary.comment,
        aliases=list(summary.aliases),
        send_as=list(file["send_as"]),
        forward=Forwarded(**file["forward"]),
        autoreply=Replied(**file["autoreply"]),
        spam=Sorted(**file["spam"]),
        receive=summary.receive,
        suspended=summary.suspended,
        password=details.password,
        app_passwords=list(details.app_passwords),
        two_factor=file["two_factor"] is not None,
        held=None if details.hold is None else details.hold.reason,
        locks=[
            Locked(
                kind=each.kind,
                net=each.net,
                since=moment(each.since),
                until=moment_or_none(each.until),
                failures=each.failures,
            )
            for each in details.locks
        ],
        logins=[Login(net=each.net, protocol=each.protocol, at=moment(each.at)) for each in details.seen],
        problem=summary.problem,
    )

"""What an operation of the API is: a row of the table, what it is called with, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from storage.state.panel_tokens import Token
from web.api.problem import Kind
from web.office import Office
from web.person import RULES, Person, Right

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_SUBJECTS = {
    "account-actions": "accounts",
    "accounts.csv": "accounts",
    "deleted-accounts": "accounts",
    "jobs": "accounts",
    "dkim": "dns",
}

Body = TypeVar("Body")
Query = TypeVar("Query")


class Csv:
    """In place of a model: a table as text/csv, which spreadsheets read and write."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Query]):
    """A request that was read, checked and found to be within its token's scopes; rights are for `web.acts`."""

    office: Office
    person: Person
    token: Token
    path: Mapping[str, str]
    query: Query
    body: Body
    seen: str | None = None  # If-Match: the digest of the file as the caller knows it
    only_new: bool = False  # If-None-Match: *


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a call. Without a status it is the row's."""

    body: BaseModel | bytes | None = None
    status: int | None = None
    location: str = ""  # of what was made
    digest: str = ""  # of the file that the body shows: its ETag


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table."""

    method: Method
    path: str  # below /api/v1, with {parameters} of `web.api.parameters`
    name: str  # for programs that are made from the document
    right: Right  # that the act asks for; it says what scope a token must have
    says: str  # one sentence
    run: Callable[[Call[Any, Any]], Awaitable[Answer]]
    body: type[BaseModel] | type[Csv] | None = None
    query: type[BaseModel] | None = None
    gives: type[BaseModel] | type[Csv] | None = None
    status: int = 200
    also: tuple[int, ...] = ()  # further good statuses: 201 of a PUT that makes something
    problems: tuple[Kind, ...] = ()  # besides those that every operation may have
    guarded: bool = False  # knows If-Match, and its answer has an ETag

    @property
    def scope(self) -> str:
        """What a token must have; writing includes reading."""
        rule = RULES[self.right]
        return f"{rule.scope}:{'write' if rule.writes else 'read'}"

    @property
    def subject(self) -> str:
        """Under what it stands on the page and in the document: the thing itself, in a domain or not."""
        place = self.path.removeprefix("/domains/{domain}/").strip("/").partition("/")[0]
        return _SUBJECTS.get(place, place)

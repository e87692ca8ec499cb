"""Tokens of the API."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from storage.state.panel_tokens import Token
from web.acts import tokens
from web.api.operation import Answer, Call, Operation
from web.api.shapes import In, Out, Time, moment, moment_or_none
from web.person import SCOPES, Right, allow

_PATTERN = "^(\\*|" + "|".join(sorted({each.partition(":")[0] for each in SCOPES})) + "):(read|write|\\*)$"
Scope = Annotated[str, StringConstraints(pattern=_PATTERN)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=100)]


class Known(Out):
    """A token without its secret."""

    id: str
    owner: str = Field(description="The account for which it acts.")
    name: str
    scopes: list[str]
    created: datetime
    expires: datetime | None
    used: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, token: Token) -> "Known":
        return cls(**_told(token))


class Made(Known):
    """A new token, with its secret, which is shown this once."""

    token: str


class List(Out):
    """Tokens, the newest first."""

    items: list[Known]


class NewToken(In):
    """A token for the owner of the one that asks, with scopes that that one has."""

    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=50)
    expires: Time | None = None


def _told(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "owner": token.owner,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created": moment(token.created),
        "expires": moment_or_none(token.expires),
        "used": moment_or_none(token.used),
    }


async def own(call: Call[None, None]) -> Answer:
    return Answer(List(items=[Known.of(each) for each in await tokens.own(call.office, call.person)]))


async def every(call: Call[None, None]) -> Answer:
    return Answer(List(items=[Known.of(each) for each in await tokens.every(call.office, call.person)]))


async def add(call: Call[NewToken, None]) -> Answer:
    body = call.body
    expires = None if body.expires is None else body.expires.timestamp()
    token, secret = await tokens.add(call.office, call.person, body.name, body.scopes, expires)
    return Answer(Made(**_told(token), token=secret), location=f"/own/tokens/{token.id}")


async def delete(call: Call[None, None]) -> Answer:
    await tokens.delete(call.office, call.person, call.path["id"])
    return Answer()


async def delete_any(call: Call[None, None]) -> Answer:
    allow(call.person, Right.TOKENS_EDIT)
    return await delete(call)


OPERATIONS = (
    Operation("GET", "/own/tokens", "listOwnTokens", Right.OWN_TOKENS, "One's own tokens.", own, gives=List),
    Operation(
        "POST", "/own/tokens", "createToken", Right.OWN_TOKENS, "A new token; its secret is shown this once.",
        add, body=NewToken, gives=Made, status=201,
    ),
    Operation(
        "DELETE", "/own/tokens/{id}", "deleteOwnToken", Right.OWN_TOKENS, "Delete one of one's own tokens.",
        delete, status=204,
    ),
    Operation("GET", "/tokens", "listTokens", Right.TOKENS_EDIT, "Everybody's tokens.", every, gives=List),
    Operation(
        "DELETE", "/tokens/{id}", "deleteToken", Right.TOKENS_EDIT, "Delete anybody's token.",
        delete_any, status=204,
    ),
)  # fmt: skip

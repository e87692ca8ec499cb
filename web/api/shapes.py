"""What the bodies of requests and answers are made of: strict, said in one place, and shown in the document.

Sums are octets, times are RFC 3339 in UTC. A value of the wrong type is refused and not guessed at (`"5"` is no
number), and a member that is not known is an error, for it is a member that was misspelt.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LARGEST = 2**53 - 1  # what every JSON library keeps exact (RFC 8259 §6)

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_LAST_LABEL = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_OWN_LOCAL = r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_-]+)*"
_LOCAL = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
DOMAIN_PATTERN = rf"^({_LABEL}\.)+{_LAST_LABEL}$"
LOCAL_PATTERN = f"^{_OWN_LOCAL}$"
OWN_ADDRESS_PATTERN = rf"^{_OWN_LOCAL}@({_LABEL}\.)+{_LAST_LABEL}$"
ADDRESS_PATTERN = rf"^{_LOCAL}@({_LABEL}\.)+{_LAST_LABEL}$"

Octets = Annotated[int, Field(ge=0, le=LARGEST, description="A sum of octets.")]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
DomainName = Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN, max_length=253)]
LocalPart = Annotated[str, StringConstraints(pattern=LOCAL_PATTERN, max_length=64)]
OwnAddress = Annotated[str, StringConstraints(pattern=OWN_ADDRESS_PATTERN, max_length=254)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS_PATTERN, max_length=254)]
# Texts of people: no control characters but line ends and tabs.
Line = Annotated[str, StringConstraints(pattern=r"^[^\u0000-\u001f\u007f\u2028\u2029]*$", max_length=1000)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$")]
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _rfc3339(value: Any) -> Any:
    if not isinstance(value, str | datetime) or (isinstance(value, str) and not _TIME.fullmatch(value)):
        raise ValueError("is no time of RFC 3339, such as 2026-11-23T09:00:00+09:00")
    return datetime.fromisoformat(value.upper()) if isinstance(value, str) else value


Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


class In(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Asked(BaseModel):
    """The parameters after the question mark. They are text, so `5` is a number here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Out(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


Item = TypeVar("Item", bound=BaseModel)


class Part(Asked):
    """Which part of a list."""

    limit: int = Field(default=100, ge=1, le=1000, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=LARGEST, description="After so many that are left out.")


class Page(Out, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    total: int = Field(description="How many there are without `limit` and `offset`.")
    limit: int
    offset: int

    @classmethod
    def of(cls, items: list[Item], part: Part) -> Self:
        """The part of a list that is there as a whole."""
        cut = items[part.offset : part.offset + part.limit]
        return cls(items=cut, total=len(items), limit=part.limit, offset=part.offset)


def moment(at: float) -> datetime:
    """A time of the server as it stands in an answer: to the second, in UTC."""
    return datetime.fromtimestamp(int(at), UTC)


def moment_or_none(at: float | None) -> datetime | None:
    return None if at is None else moment(at)

"""A mailing list: `domains/<domain>/lists/<local>.yaml`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from config.units import KIB, MIB
from config.values import MailAddress, Section, Size

_PLACES = re.compile(r"\{(name|number)\}")


def _prefix(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds a line end or another control character")
    if re.search(r"[{}]", _PLACES.sub("", value)):
        raise ValueError("knows {name} and {number} and no other {…}")
    return value.strip()


class Member(Section):
    """One member, where there is more to say than the address."""

    address: MailAddress = Field(description="Where the posts go.")
    name: str = Field(default="", max_length=200, description="For the people who look after the list.")
    receives: bool = Field(default=True, description="Whether the member gets what is posted.")


def _address_alone(value: Any) -> Any:
    return {"address": value} if isinstance(value, str) else value


OneMember = Annotated[
    Member,
    BeforeValidator(_address_alone),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "address": {"type": "string"},
                        "name": {"type": "string"},
                        "receives": {"type": "boolean"},
                    },
                    "required": ["address"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class ListFile(Section):
    """A mailing list."""

    owner: MailAddress = Field(
        description="Who looks after the list and gets its bounces; a member with the right to post."
    )
    members: tuple[OneMember, ...] = Field(
        default=(), description="Who gets what is posted; an address, or more in a mapping."
    )
    posting: Literal["anyone", "members", "posters"] = Field(
        default="anyone",
        description="Who may post: `anyone`, all `members`, or only the `posters` among them.",
    )
    posters: tuple[MailAddress, ...] = Field(default=(), description="Members with the right to post.")
    moderation: Literal["none", "strangers", "all"] = Field(
        default="none",
        description="Which posts wait until the owner lets them go: those of `strangers` (who may not post and are"
        " else refused), or `all` but the owner's.",
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="[{name}:{number}]",
        max_length=60,
        description="What is put before the subject: {name} is the list's, {number} runs on; empty: nothing.",
    )
    reply_to: Literal["list", "author"] = Field(
        default="list", description="Where answers go: to the `list`, or to the `author` of the post."
    )
    max_message: Size = Field(default=5 * MIB, ge=KIB, description="The largest message that the list takes.")
    comment: str = Field(default="", max_length=1000, description="For the administrators.")

    @model_validator(mode="after")
    def _posters_are_members(self) -> "ListFile":
        known = {address.lower() for address in (self.owner, *(each.address for each in self.members))}
        strangers = [address for address in self.posters if address.lower() not in known]
        if strangers:
            raise ValueError(f"posters who are not members: {', '.join(strangers[:5])}")
        return self

"""A mailing list: `domains/<domain>/lists/<local>.yaml`."""

from typing import Literal

from pydantic import Field, model_validator

from config.units import KIB, MIB
from config.values import MailAddress, Section, Size


class ListFile(Section):
    """A mailing list."""

    owner: MailAddress = Field(
        description="Who looks after the list and gets its bounces; counted as a member."
    )
    members: tuple[MailAddress, ...] = Field(default=(), description="Who gets what is posted.")
    posting: Literal["anyone", "posters"] = Field(
        default="anyone", description="Who may post: `anyone`, or only `posters`."
    )
    posters: tuple[MailAddress, ...] = Field(default=(), description="Members with the right to post.")
    max_message: Size = Field(default=5 * MIB, ge=KIB, description="The largest message that the list takes.")
    comment: str = Field(default="", max_length=1000, description="For the administrators.")

    @model_validator(mode="after")
    def _posters_are_members(self) -> "ListFile":
        known = {address.lower() for address in (self.owner, *self.members)}
        strangers = [address for address in self.posters if address.lower() not in known]
        if strangers:
            raise ValueError(f"posters who are not members: {', '.join(strangers[:5])}")
        return self

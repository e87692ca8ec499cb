"""Addresses that only forward."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from storage.admin_files import Missing
from storage.admin_forwards import Forward
from web.acts import forwards
from web.api.operation import Answer, Call, Operation
from web.api.problem import REFUSED
from web.api.shapes import Address, In, LocalPart, Out, Page, Part
from web.person import Right

Targets = Annotated[list[Address], Field(min_length=1, max_length=1000)]


class Known(Out):
    """An address that only forwards."""

    address: str
    to: list[str]

    @classmethod
    def of(cls, forward: Forward) -> "Known":
        return cls(address=forward.address, to=list(forward.to))


class NewForward(In):
    """A new address."""

    local: LocalPart = Field(description="What stands before the @.")
    to: Targets


class ForwardState(In):
    """Where its mail goes: all addresses."""

    to: Targets


async def every(call: Call[None, Part]) -> Answer:
    found = await forwards.every(call.office, call.person, call.path["domain"])
    return Answer(Page[Known].of([Known.of(each) for each in found], call.query))


async def show(call: Call[None, None]) -> Answer:
    return Answer(Known.of(await forwards.show(call.office, call.person, _address(call.path))))


async def add(call: Call[NewForward, None]) -> Answer:
    address = f"{call.body.local}@{call.path['domain']}"
    made = await forwards.add(call.office, call.person, address, call.body.to)
    return Answer(Known.of(made), location=_location(made))


async def put(call: Call[ForwardState, None]) -> Answer:
    """Made where there is none."""
    address = _address(call.path)
    try:
        return Answer(Known.of(await forwards.change(call.office, call.person, address, call.body.to)))
    except Missing:
        made = await forwards.add(call.office, call.person, address, call.body.to)
        return Answer(Known.of(made), status=201, location=_location(made))


async def delete(call: Call[None, None]) -> Answer:
    await forwards.delete(call.office, call.person, _address(call.path))
    return Answer()


def _address(path: Mapping[str, str]) -> str:
    return f"{path['local']}@{path['domain']}"


def _location(forward: Forward) -> str:
    local, _, domain = forward.address.rpartition("@")
    return f"/domains/{domain}/forwards/{local}"


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/forwards", "listForwards", Right.FORWARDS_SEE, "Addresses that only forward.",
        every, query=Part, gives=Page[Known],
    ),
    Operation(
        "POST", "/domains/{domain}/forwards", "createForward", Right.FORWARDS_EDIT,
        "A new address that only forwards.",
        add, body=NewForward, gives=Known, status=201, problems=(REFUSED,),
    ),
    Operation(
        "GET", "/domains/{domain}/forwards/{local}", "getForward", Right.FORWARDS_SEE, "One of them.",
        show, gives=Known,
    ),
    Operation(
        "PUT", "/domains/{domain}/forwards/{local}", "putForward", Right.FORWARDS_EDIT,
        "Where its mail goes; the address is made where there is none.",
        put, body=ForwardState, gives=Known, also=(201,),
    ),
    Operation(
        "DELETE", "/domains/{domain}/forwards/{local}", "deleteForward", Right.FORWARDS_EDIT, "Take it away.",
        delete, status=204,
    ),
)  # fmt: skip

"""What a domain publishes in DNS, and its DKIM keys."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from filters.publish import Found
from storage.admin_dkim import DkimKey
from web.acts import dns
from web.api.operation import Answer, Call, Operation
from web.api.shapes import In, Out
from web.person import Right

Selector = Annotated[str, StringConstraints(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=63)]


class Record(Out):
    """A record to publish."""

    name: str
    type: str
    value: str
    purpose: str
    needed: bool
    zone_line: str = Field(description="The record as a line of a zone file.")


class Looked(Record):
    """A record, and what DNS has."""

    state: Literal["ok", "missing", "wrong", "unknown"]
    there: list[str] = Field(description="What is there where it differs.")
    advice: str

    @classmethod
    def of(cls, found: Found) -> "Looked":
        record = found.record
        return cls(
            name=record.name,
            type=record.kind,
            value=record.value,
            purpose=record.purpose,
            needed=record.needed,
            zone_line=record.zone_line,
            state=found.state,
            there=list(found.there),
            advice=found.advice,
        )


class Records(Out):
    """Everything to publish."""

    items: list[Record]


class Check(Out):
    """Everything to publish, and what DNS has."""

    items: list[Looked]


class Key(Out):
    """A DKIM key."""

    selector: str
    kind: str = Field(description="rsa or ed25519.")
    used: bool = Field(description="Whether it signs.")
    name: str = Field(description="Where its TXT record is published.")
    record: str

    @classmethod
    def of(cls, key: DkimKey) -> "Key":
        return cls(selector=key.selector, kind=key.kind, used=key.used, name=key.name, record=key.record)


class Keys(Out):
    """The DKIM keys of a domain."""

    items: list[Key]


class NewKeys(In):
    """A pair of new keys: RSA and Ed25519."""

    prefix: Annotated[
        str, StringConstraints(pattern="^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$", max_length=32)
    ] = Field(default="", description="The selectors begin with it; empty: by the date.")
    use: bool = Field(default=True, description="Whether they sign from now on.")


class UsedKeys(In):
    """The keys that are to sign."""

    selectors: list[Selector] = Field(max_length=20)


async def records(call: Call[None, None]) -> Answer:
    wanted = await dns.wanted(call.office, call.person, call.path["domain"])
    items = [
        Record(
            name=each.name,
            type=each.kind,
            value=each.value,
            purpose=each.purpose,
            needed=each.needed,
            zone_line=each.zone_line,
        )
        for each in wanted
    ]
    return Answer(Records(items=items))


async def check(call: Call[None, None]) -> Answer:
    found = await dns.check(call.office, call.person, call.path["domain"])
    return Answer(Check(items=[Looked.of(each) for each in found]))


async def keys(call: Call[None, None]) -> Answer:
    found = await dns.keys(call.office, call.person, call.path["domain"])
    return Answer(Keys(items=[Key.of(each) for each in found]))


async def add_keys(call: Call[NewKeys, None]) -> Answer:
    made = await dns.add_keys(
        call.office, call.person, call.path["domain"], call.body.prefix, use=call.body.use
    )
    location = f"/domains/{call.path['domain']}/dkim"
    return Answer(Keys(items=[Key.of(each) for each in made]), location=location)


async def use_keys(call: Call[UsedKeys, None]) -> Answer:
    found = await dns.use_keys(call.office, call.person, call.path["domain"], call.body.selectors)
    return Answer(Keys(items=[Key.of(each) for each in found]))


async def delete_key(call: Call[None, None]) -> Answer:
    await dns.delete_key(call.office, call.person, call.path["domain"], call.path["selector"])
    return Answer()


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/dns", "listRecords", Right.DNS_SEE, "What the domain has to publish in DNS.",
        records, gives=Records,
    ),
    Operation(
        "GET", "/domains/{domain}/dns/check", "checkRecords", Right.DNS_SEE,
        "The same, and what DNS really has; takes some seconds.",
        check, gives=Check,
    ),
    Operation(
        "GET", "/domains/{domain}/dkim", "listKeys", Right.DNS_SEE, "The domain's DKIM keys.", keys, gives=Keys,
    ),
    Operation(
        "POST", "/domains/{domain}/dkim", "createKeys", Right.DOMAIN_SETTINGS,
        "A new RSA and a new Ed25519 key.",
        add_keys, body=NewKeys, gives=Keys, status=201,
    ),
    Operation(
        "PUT", "/domains/{domain}/dkim", "useKeys", Right.DOMAIN_SETTINGS,
        "These keys sign from now on, and no other.",
        use_keys, body=UsedKeys, gives=Keys,
    ),
    Operation(
        "DELETE", "/domains/{domain}/dkim/{selector}", "deleteKey", Right.DOMAIN_SETTINGS, "Delete a key.",
        delete_key, status=204,
    ),
)  # fmt: skip

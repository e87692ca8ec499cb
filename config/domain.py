"""A domain and its customer's contract: `domains/<domain>/domain.yaml`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.mta_sts import MtaStsMode
from config.units import DAY, GIB
from config.values import Duration, OwnAddress, Section, Size, section

_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def selector(value: str) -> str:
    if not _SELECTOR.fullmatch(value.lower()):
        raise ValueError(
            f'"{value}" is not a DKIM selector: letters, digits and inner hyphens (RFC 6376 §3.1)'
        )
    return value.lower()


class Retention(Section):
    """What is moved or deleted by itself when it has become old."""

    archive_after: Duration | None = Field(
        default=180 * DAY,
        ge=DAY,
        description="What has been in the inbox for so long is moved to the archive folder; null: never.",
    )
    trash: Duration | None = Field(
        default=31 * DAY,
        ge=DAY,
        description="What has been in the trash for so long is deleted; null: never.",
    )


Part = Literal["accounts", "lists", "read"]


class Administrator(Section):
    """An account that administers the domain in the panel."""

    address: OwnAddress = Field(description="The account.")
    may: tuple[Part, ...] = Field(
        default=(),
        description="Only a part: `accounts` (with forward-only addresses), `lists`, or `read`, which sees all and"
        " changes nothing; none named: everything.",
    )


def _administrator(value: Any) -> Any:
    # Most are written as the address alone.
    return {"address": value} if isinstance(value, str) else value


class DomainFile(Section):
    """A domain and its customer's contract."""

    capacity: Size = Field(
        default=100 * GIB,
        description="Capacity of the contract; the limits of the accounts together may not pass it.",
    )
    administrators: tuple[Annotated[Administrator, BeforeValidator(_administrator)], ...] = Field(
        default=(),
        description="Accounts that administer the domain in the panel: each an address, or a mapping with `address`"
        " and `may` for who gets only a part.",
    )
    dkim_selectors: tuple[Annotated[str, AfterValidator(selector)], ...] = Field(
        default=(), description="Keys `dkim/<selector>.pem` that sign what the domain sends."
    )
    catch_all: OwnAddress | None = Field(
        default=None,
        description="Account that gets mail to unknown addresses of the domain; null: such mail is refused.",
    )
    mta_sts: MtaStsMode | None = Field(
        default=None,
        description="Whether servers that send mail to the domain must use TLS (`mta_sts.mode` of the server says"
        " what the modes are); null: as the server's setting.",
    )
    retention: Retention = section(Retention)

    @property
    def administrator_addresses(self) -> tuple[str, ...]:
        """Those who administer everything, then those with a part."""
        ordered = sorted(self.administrators, key=lambda each: bool(each.may))
        return tuple(each.address for each in ordered)

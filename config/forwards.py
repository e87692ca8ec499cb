"""Addresses that only forward: `domains/<domain>/forwards.yaml`, a mapping of local parts to addresses."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, WithJsonSchema

from config.values import MailAddress, OwnLocalPart


def _one_is_a_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Targets = Annotated[
    tuple[MailAddress, ...],
    Field(min_length=1),
    BeforeValidator(_one_is_a_list),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]


class ForwardsFile(RootModel[dict[OwnLocalPart, Targets]]):
    """What stands before the @ in this domain, and the address or addresses that get the mail."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    root: dict[OwnLocalPart, Targets] = Field(default_factory=dict)

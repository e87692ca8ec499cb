"""The parameters in the paths: what each is, and which text can be one. For any other text the answer is 404."""

import re
from dataclasses import dataclass
from typing import Any

from web.api.shapes import DOMAIN_PATTERN, LOCAL_PATTERN


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path."""

    says: str
    pattern: str
    longest: int

    def fits(self, text: str) -> bool:
        return len(text) <= self.longest and re.fullmatch(self.pattern.strip("^$"), text) is not None

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern, "maxLength": self.longest, "minLength": 1}


PARAMETERS = {
    "domain": Parameter("The domain.", DOMAIN_PATTERN, 253),
    "local": Parameter("What stands before the @ of the address, in lower case.", LOCAL_PATTERN, 64),
    "selector": Parameter("A DKIM selector.", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", 63),
    "id": Parameter("What the list of these calls it.", "^[A-Za-z0-9_-]+$", 64),
    "key": Parameter("What the list calls it.", "^[0-9a-f]{16}$", 16),
    "trace": Parameter("The id of a trace.", "^[A-Za-z0-9._-]+$", 64),
    "token": Parameter("The token of a post that waits.", "^[a-z2-7]{26}$", 26),
    "number": Parameter("Its number.", "^[1-9][0-9]{0,17}$", 18),
    "member": Parameter("The address of a member.", "^[^/@\\s]+@[^/@\\s]+$", 254),
}

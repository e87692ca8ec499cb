"""Mail that is fetched for an account from a mailbox elsewhere, by POP3.

The other server's password has to be sent to it as it is, so it cannot be a hash; it stands here sealed with a key
of this server (`storage.state.sealed`), and a copy of this file alone gives it to nobody.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.values import HostName, Section

PREFIX = "sealed:"
_SEALED = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9+/]{38,2000}={0,2}")


def _sealed(value: str) -> str:
    # The value is not repeated: it may be a password that somebody wrote as it is.
    if not _SEALED.fullmatch(value):
        raise ValueError("is not a sealed password; the panel writes it")
    return value


class PopFetch(Section):
    """A mailbox on another server whose mail is fetched."""

    server: HostName = Field(description="The other server's name.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=995, description="Its port.")
    tls: Literal["implicit", "starttls", "none"] = Field(
        default="implicit",
        description="TLS at once, by STLS, or none, which shows the password to the network.",
    )
    login: str = Field(min_length=1, max_length=255, description="User name there.")
    password: Annotated[str, AfterValidator(_sealed)] = Field(
        repr=False, description="Password there, sealed with this server's key; the panel writes it."
    )
    keep: bool = Field(default=True, description="Whether the messages stay on the other server.")
    enabled: bool = Field(default=True, description="Whether it is fetched.")

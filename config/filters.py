"""What looks at mail: the settings of each check, one class a check."""

from typing import Literal

from pydantic import Field, model_validator

from config.values import Section, SocketAddress, section


class SenderAuth(Section):
    """SPF, DKIM, DMARC and ARC of what is received."""

    dmarc_reject: bool = Field(
        default=True,
        description="Refuse mail whose domain asks for that (DMARC `p=reject`); else it counts as spam.",
    )


class Virus(Section):
    """The virus engine."""

    engine: Literal["none", "clamd"] = Field(default="none", description="Who looks for viruses.")
    address: SocketAddress | None = Field(
        default=None, description="Where the engine listens: the path of a Unix socket, or host and port."
    )
    on_error: Literal["defer", "accept"] = Field(
        default="defer", description="What happens to mail while the engine does not answer."
    )

    @model_validator(mode="after")
    def _reachable(self) -> "Virus":
        if self.engine != "none" and self.address is None:
            raise ValueError(f"engine: {self.engine} needs an address")
        return self


class Spam(Section):
    """The spam engine."""

    engine: Literal["none", "builtin", "rspamd", "spamd"] = Field(
        default="builtin", description="Who tells spam from other mail; `builtin` needs no other program."
    )
    address: SocketAddress | None = Field(
        default=None, description="Where the engine listens: the path of a Unix socket, or host and port."
    )

    @model_validator(mode="after")
    def _reachable(self) -> "Spam":
        if self.engine in ("rspamd", "spamd") and self.address is None:
            raise ValueError(f"engine: {self.engine} needs an address")
        return self


class Filters(Section):
    """What looks at mail on its way in and out."""

    sender_auth: SenderAuth = section(SenderAuth)
    virus: Virus = section(Virus)
    spam: Spam = section(Spam)

"""What our domains ask of servers that send them mail: the settings of their MTA-STS policies (RFC 8461)."""

from typing import Literal

from pydantic import Field

from config.units import DAY
from config.values import Duration, HostName, Section

MtaStsMode = Literal["off", "none", "testing", "enforce"]


class MtaSts(Section):
    """What our domains ask of servers that send them mail (RFC 8461): TLS, with a certificate for our name."""

    mode: MtaStsMode = Field(
        default="testing",
        description="`testing`: failures are only reported; `enforce`: mail is not sent without; `none`: takes an"
        " earlier policy back; `off`: nothing is published. A domain's own `mta_sts` goes before it.",
    )
    mx: tuple[HostName, ...] = Field(
        default=(), description="The hosts that take mail for our domains; none named: this one's `hostname`."
    )
    max_age: Duration = Field(
        default=7 * DAY,
        ge=DAY,
        description="For so long senders remember the policy; it should be weeks once it is enforced.",
    )

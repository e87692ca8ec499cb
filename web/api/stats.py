"""Numbers: how much mail came, went and was turned away, hour by hour or day by day."""

from datetime import datetime

from pydantic import Field

from web.acts import stats
from web.acts.stats import Flow, Span
from web.api.operation import Answer, Call, Operation
from web.api.shapes import Asked, Out, moment
from web.person import Right


class Numbers(Out):
    """So many mails of each kind in each step."""

    span: Span
    starts: list[datetime] = Field(description="When each step begins.")
    counts: dict[str, list[int]] = Field(description="By kind: received, sent, spam, virus, refused, …")

    @classmethod
    def of(cls, flow: Flow) -> "Numbers":
        return cls(
            span=flow.span,
            starts=[moment(each) for each in flow.starts],
            counts={what: list(each) for what, each in flow.counts.items()},
        )


class Over(Asked):
    """Over which time."""

    span: Span = "day"


async def domain(call: Call[None, Over]) -> Answer:
    return Answer(
        Numbers.of(await stats.domain(call.office, call.person, call.path["domain"], call.query.span))
    )


async def server(call: Call[None, Over]) -> Answer:
    return Answer(Numbers.of(await stats.server(call.office, call.person, call.query.span)))


OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/stats", "getDomainStats", Right.DOMAIN_SEE, "The domain's mail in numbers.",
        domain, query=Over, gives=Numbers,
    ),
    Operation(
        "GET", "/server/stats", "getServerStats", Right.SERVER_SEE, "The server's mail in numbers.",
        server, query=Over, gives=Numbers,
    ),
)  # fmt: skip

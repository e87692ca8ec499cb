"""How much an account may send: the limits for all, and what one account has of its own."""

from typing import Annotated

from pydantic import Field

from config.values import Section

Limit = Annotated[int, Field(ge=1, le=10_000_000)]


class SendLimit(Section):
    """How much one account may send; held to over sliding hours and days, by all processes together."""

    messages_per_hour: Limit = Field(default=200, description="Most messages in an hour.")
    messages_per_day: Limit = Field(default=1000, description="Most messages in a day.")
    recipients_per_hour: Limit = Field(
        default=500, description="Most recipients in an hour, each recipient of each message counted."
    )
    recipients_per_day: Limit = Field(default=2000, description="Most recipients in a day.")


class AccountSendLimit(Section):
    """How much this account may send, where it differs from the server's `smtp.send_limit`."""

    messages_per_hour: Limit | None = Field(
        default=None, description="Most messages in an hour; null: as for all."
    )
    messages_per_day: Limit | None = Field(
        default=None, description="Most messages in a day; null: as for all."
    )
    recipients_per_hour: Limit | None = Field(
        default=None, description="Most recipients in an hour; null: as for all."
    )
    recipients_per_day: Limit | None = Field(
        default=None, description="Most recipients in a day; null: as for all."
    )

    def over(self, others: SendLimit) -> SendLimit:
        """The limits that are in force for the account."""
        own = self.model_dump(exclude_none=True)
        return others.model_copy(update=own) if own else others

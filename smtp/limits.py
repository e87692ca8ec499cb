"""How much one address may have of us by the minute: connections, and messages."""

from config.settings import Settings
from config.units import MINUTE
from net.networks import Networks, counted_as
from storage.state.rates import Rates


class Limits:
    """Those of a door; the counts are shared with its other processes."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    @staticmethod
    def counted(peer: str, settings: Settings) -> str | None:
        """What a peer is counted as; None for those that the operator lets do as they like."""
        if peer == "local" or peer in Networks.of(settings.smtp.unlimited_from):
            return None
        return counted_as(peer)

    def connection(self, counted: str, settings: Settings) -> bool:
        """Whether one more is within the limit, and counted."""
        return self._rates.take("smtp connection", counted, MINUTE, settings.smtp.max_connections_per_minute)

    def message(self, counted: str, settings: Settings) -> bool:
        return self._rates.take("smtp message", counted, MINUTE, settings.smtp.max_messages_per_minute)

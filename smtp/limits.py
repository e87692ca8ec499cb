"""How much one address may have of us by the minute: connections, and messages."""

from pathlib import Path

from config.settings import Settings
from net.networks import Networks, counted_as
from net.rates import Rates


class Limits:
    """Those of a door; the counts are shared with its other processes."""

    def __init__(self, run: Path) -> None:
        self._connections = Rates(run, "smtp-connections")
        self._messages = Rates(run, "smtp-messages")

    @staticmethod
    def counted(peer: str, settings: Settings) -> str | None:
        """What a peer is counted as; None for those that the operator lets do as they like."""
        if peer == "local" or peer in Networks.of(settings.smtp.unlimited_from):
            return None
        return counted_as(peer)

    def connection(self, counted: str, settings: Settings) -> bool:
        """Whether one more is within the limit, and counted."""
        return self._connections.take(counted, settings.smtp.max_connections_per_minute)

    def message(self, counted: str, settings: Settings) -> bool:
        return self._messages.take(counted, settings.smtp.max_messages_per_minute)

"""The SMTP door of a process: what all its connections share."""

from config.settings import Settings
from filters.pipeline import Pipeline
from net.tls import Contexts
from smtp import replies
from smtp.limits import Limits
from smtp.refusals import Refusals
from storage.space import Space
from storage.store import Store


class SmtpDoor:
    """`settings` is replaced at a reload; connections that stand keep those with which they began."""

    def __init__(
        self, settings: Settings, store: Store, pipeline: Pipeline, contexts: Contexts | None
    ) -> None:
        self.settings = settings
        self.store = store
        self.space = Space(settings.data)
        self.limits = Limits(store.rates)
        self.pipeline = pipeline
        self.contexts = contexts
        self.refusals = Refusals(store.traces)

    @property
    def busy(self) -> bytes:
        """What one hears who is turned away (RFC 5321 §3.8)."""
        return replies.closing(self.settings.hostname, replies.BUSY).wire()

    @property
    def crowded(self) -> bytes:
        """The same, where only the client's own address has too many."""
        return replies.closing(self.settings.hostname, replies.CROWDED).wire()

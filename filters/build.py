"""Which checks there are, in which order: the whole composition of the pipeline."""

from config.settings import Settings
from filters.check import Checks
from filters.pipeline import Pipeline
from filters.submission import Submission
from storage.queue import Queue
from storage.store import Store


def build(settings: Settings, store: Store, queue: Queue | None = None) -> Pipeline:
    """The pipeline of a process; with the queue that the process has already, if it has one."""
    queue = queue or Queue.of(store)
    incoming = Checks(judges=(), advisers=(), traces=store.traces)
    outgoing = Checks(judges=(Submission(store, queue),), advisers=(), traces=store.traces)
    return Pipeline(settings, store, queue, incoming, outgoing)

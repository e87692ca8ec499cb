"""What the processes count (`net.metrics`), tied to where it happens: each has its counts, the relay shows all."""

from collections.abc import Awaitable, Callable

from config.values import split_host_port
from net.metrics import Metrics, sample
from net.metrics_door import MetricsDoor
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.store import Store


def measured(store: Store, room: str) -> Metrics:
    """The counts of a process: what happens to mail and who logs in is counted from now on."""
    metrics = Metrics(store.settings.run, room)
    store.traces.told = metrics.happened
    store.logins.told = metrics.login
    store.logins.locked = metrics.lockout
    return metrics


def door(store: Store, queue: Queue, own: Metrics) -> MetricsDoor:
    """Where Prometheus asks, if it may."""
    listen = store.settings.metrics.listen
    address = None if listen is None else split_host_port(listen)
    return MetricsDoor(address, store.settings.run, own, _queue(store, queue))


def _queue(store: Store, queue: Queue) -> Callable[[], Awaitable[dict[str, float]]]:
    admin = QueueAdmin(queue)

    async def numbers() -> dict[str, float]:
        stats = await store.run(admin.stats, 0)
        states = {
            "waiting": stats.waiting,
            "under_way": stats.leased,
            "held": stats.held,
            "failed": stats.failed,
        }
        age = max(0.0, store.clock() - stats.oldest) if stats.oldest is not None else 0.0
        return {
            "kwcmaild_queue_messages": stats.messages,
            "kwcmaild_queue_octets": stats.octets,
            "kwcmaild_queue_oldest_seconds": age,
            **{sample("kwcmaild_queue_recipients", state=each): count for each, count in states.items()},
        }

    return numbers

"""What killed processes had leased comes back when the lease ends; the trials do not wait for that.

Only of the dead: what a living process has in hand would be delivered by it once more.
"""

from pathlib import Path

from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Select


def give_back(queue: Queue) -> None:
    """A holder's name ends in its process id and a random word."""
    holders = {
        one.holder for each in QueueAdmin(queue).list(Select()) for one in each.recipients if one.holder
    }
    for holder in holders:
        if not Path("/proc", holder.split(":")[-2]).exists():
            queue.give_back(holder)

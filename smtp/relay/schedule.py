"""When a recipient is tried again.

The pauses of `queue.retry`, the last one repeated, each up to a tenth shorter or longer, so that what failed
together does not come back together; no pause goes beyond the moments at which the sender is told something,
`delay_notice` and `give_up`: an attempt is made at each of them first.
"""

from config.settings import Queue as Schedule

SPREAD = 0.1


def next_pause(schedule: Schedule, age: float, attempts: int, jitter: float) -> int | None:
    """Seconds until the next attempt, after one more failed at this age with `attempts` before it; None to give up.
    `jitter` of 0 to 1."""
    if age >= schedule.give_up:
        return None
    pause = schedule.retry[min(attempts, len(schedule.retry) - 1)]
    pause = max(1, round(pause * (1 - SPREAD + 2 * SPREAD * jitter)))
    for moment in (schedule.delay_notice, schedule.give_up):
        if moment is not None and age < moment:
            return max(1, min(pause, int(moment - age)))
    return pause

"""Recipients of our own in the queue: mail that no mailbox could take at once, and notices to our accounts.

Speaks as a courier does, so that the runner need not tell mailboxes from other servers.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from net.log import event
from smtp.relay.letter import Answered, Letter
from storage.message import Message
from storage.queue.queued import Addressee
from storage.status import INTERNAL, Status

LOCAL = "local"  # the lane of all of them

logger = logging.getLogger("smtp.relay")

Deliver = Callable[[Message, str, Sequence[Addressee], str], Awaitable[list[Status]]]
Take = Callable[[], Awaitable[Letter | None]]
Report = Callable[[Letter, Sequence[Answered]], Awaitable[None]]


class LocalCourier:
    """`deliver` is the pipeline's: it routes anew, for an account may have moved or gone since."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    async def carry(self, destination_key: str, take: Take, report: Report) -> None:
        while (letter := await take()) is not None:
            statuses = await self._try(letter)
            await report(
                letter,
                [
                    Answered(each.number, status)
                    for each, status in zip(letter.recipients, statuses, strict=True)
                ],
            )

    async def _try(self, letter: Letter) -> list[Status]:
        envelope = letter.envelope
        addressees = [
            Addressee(each.address, each.original, each.mailbox, each.notify, each.orcpt)
            for each in letter.recipients
        ]
        try:
            return await self._deliver(letter.message, envelope.reverse_path, addressees, envelope.trace)
        except Exception:
            event(logger, "queue.deliver_failed", logging.ERROR, exc_info=True, trace=envelope.trace)
            return [INTERNAL] * len(addressees)

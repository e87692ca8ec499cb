"""A pipeline over a real store, for tests that send a mail and look where it has gone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filters.build import build
from filters.mail import Mail
from filters.pipeline import Pipeline
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import parse
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Queued, Select, State
from storage.status import Status
from tests.house import DOMAIN, House, Site, put
from tests.unit.smtp.conftest import inbox

SOURCE = b"From: a@example.com\r\nTo: taro@example.test\r\nSubject: hello\r\n\r\nhello\r\n"


@dataclass(frozen=True)
class Sent:
    """One recipient of a queued message, with its envelope and text."""

    to: str
    reverse_path: str
    text: bytes
    recipient: Queued
    envid: str


class Place:
    """A house, its queue and its pipeline."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.queue = Queue.of(house.store)
        self._seen: set[tuple[str, int]] = set()
        self.pipeline: Pipeline = build(house.settings, house.store, self.queue)

    @classmethod
    async def open(cls, site: Site) -> "Place":
        return cls(await House(site).open())

    async def close(self) -> None:
        self.pipeline.close()
        self.queue.close()
        await self.house.close()

    async def mail(
        self,
        *to: str,
        source: bytes = SOURCE,
        sender: str = "a@example.com",
        login: str | None = None,
        notify: str = "",
    ) -> Mail | Status:
        """The envelope of a mail that has passed RCPT, or the first refusal. 127.0.0.1 passes every check."""
        head = source[: end_of_header(source)]
        mail = Mail(sender, "127.0.0.1", "t.1", authenticated=login, message=Message.of(source), head=head)
        recipients = []
        for address in to:
            found = await self.pipeline.recipient(mail, parse(address), None)
            if isinstance(found, Status):
                return found
            recipients.append(replace(found, notify=notify))
        return replace(mail, recipients=tuple(recipients), envid="env1" if notify else "")

    async def send(
        self,
        *to: str,
        source: bytes = SOURCE,
        sender: str = "a@example.com",
        login: str | None = None,
        notify: str = "",
    ) -> Status:
        mail = await self.mail(*to, source=source, sender=sender, login=login, notify=notify)
        if isinstance(mail, Status):
            return mail
        return await (self.pipeline.submit(mail) if login else self.pipeline.receive(mail))

    async def inbox(self, local: str, mailbox: str = "INBOX") -> list[bytes]:
        return await inbox(self.house, local, mailbox)

    async def count(self, *locals_: str) -> list[int]:
        return [len(await self.inbox(each)) for each in locals_]

    def queued(self) -> list[Sent]:
        """What has come into the queue since this was asked before, and has to be tried: due or not."""
        found = []
        for listed in QueueAdmin(self.queue).list(Select()):
            envelope = listed.envelope
            for each in listed.recipients:
                if each.state is not State.WAITING or (envelope.queue_id, each.number) in self._seen:
                    continue
                self._seen.add((envelope.queue_id, each.number))
                text = self.queue.message(envelope.queue_id).read()
                reverse_path = each.reverse_path or envelope.reverse_path
                found.append(Sent(each.address, reverse_path, text, each, envelope.envid))
        return found

    async def attempt(self, sent: Sequence[Sent]) -> list[Status]:
        """What the relay process does with recipients here."""
        answers = []
        for each in sent:
            addressee = Addressee(each.to, each.recipient.original, each.recipient.mailbox)
            answers += await self.pipeline.deliver(
                Message.of(each.text), each.reverse_path, [addressee], "t.1"
            )
        return answers


def write_forwards(site: Site, text: str) -> None:
    put((site.folder / f"domains/{DOMAIN}/forwards.yaml"), text)

"""Forwards, replies and lists as a client on ports 25 and 587 meets them."""

from pathlib import Path

from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Select
from tests.house import DOMAIN, House, put
from tests.unit.smtp.conftest import Connect, inbox
from tests.unit.smtp.test_submission import submitter

POST = b"From: a@elsewhere.example\r\nTo: sales@example.test\r\nSubject: hello\r\n\r\nhello\r\n"


def waiting(house: House) -> list[tuple[str, str]]:
    """Reverse-path and address of all recipients in the queue."""
    queue = Queue.of(house.store)
    try:
        return [
            (each.reverse_path or listed.envelope.reverse_path, each.address)
            for listed in QueueAdmin(queue).list(Select())
            for each in listed.recipients
            if each.state == "waiting"
        ]
    finally:
        queue.close()


def write_list(house: House, more: str = "") -> None:
    folder = Path(house.site.folder) / f"domains/{DOMAIN}/lists"
    folder.mkdir(exist_ok=True)
    put((folder / "sales.yaml"), f"owner: taro@example.test\nmembers: [hanako@example.test]\n{more}")


async def test_the_outside_is_for_accounts_alone(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.ask("MAIL FROM:<taro@example.test>")
    assert await client.ask("RCPT TO:<b@elsewhere.example>") == "550 5.7.1 relaying denied\r\n"
    client = await submitter(house, connect)
    reply = await client.mail(POST.replace(b"a@elsewhere.example", b"taro@example.test"), "b@elsewhere.example",
                              "hanako@example.test", sender="taro@example.test")  # fmt: skip
    assert reply.startswith("250 ")
    assert waiting(house) == [("taro@example.test", "b@elsewhere.example")]
    assert len(await inbox(house, "hanako")) == 1


async def test_a_forward_leaves_port_25_and_its_bounce_comes_in_by_it(house: House, connect: Connect) -> None:
    house.site.write_account("taro", "forward: {to: [b@elsewhere.example], keep_copy: false}\n")
    client = await connect(await house.smtp())
    assert (await client.mail(POST, "taro@example.test")).startswith("250 ")
    ((reverse_path, to),) = waiting(house)
    assert to == "b@elsewhere.example"
    assert (await client.mail(POST, reverse_path, sender="")).startswith("250 ")
    assert len(await inbox(house, "taro")) == 1
    assert len(waiting(house)) == 1


async def test_a_list_answers_at_the_end_of_data(house: House, connect: Connect) -> None:
    write_list(house, "posting: members\nmax_message: 2K\n")
    client = await connect(await house.smtp())
    refused = await client.mail(POST, "sales@example.test")
    assert refused == "554 5.7.1 only members may post to this list\r\n"
    await client.ask("MAIL FROM:<a@elsewhere.example> SIZE=3000")
    assert (await client.ask("RCPT TO:<sales@example.test>")).startswith("552 5.3.4 ")
    client = await submitter(house, connect)
    own = POST.replace(b"a@elsewhere.example", b"taro@example.test")
    assert (await client.mail(own, "sales@example.test", sender="taro@example.test")).startswith("250 ")
    (post,) = await inbox(house, "hanako")
    assert b"\r\nSubject: [sales:00001] hello\r\n" in post

"""Servers that lie, hang, hang up and never stop talking: each recipient has an answer, in time, and only one."""

import asyncio
import dataclasses
import itertools

import pytest

from smtp.relay.letter import Unreachable
from storage.message import Message
from tests.peer import CLOSE, HANG
from tests.unit.smtp.relay.conftest import TEXT, World, letter

BEFORE = ("CONNECT", "EHLO")
WITHIN = ("MAIL", "RCPT", "DATA", "END")
FAULTS = {
    "hang": HANG,
    "close": CLOSE,
    "garbage": b"\x00\xff\x80 HTTP/1.1 400 Bad Request\r\n\r\n",
    "no code": b"hello there\r\n",
    "endless reply": b"250-still talking\r\n" * 600_000,  # 10 MB
    "endless line": b"250 " + b"x" * 10_000_000,
    "closing": "421 4.3.2 closing",
    "half a reply": (b"250-half\r\n250", HANG),
    "wrong code": "999 what",
    "turned off": "521 5.3.2 no mail here",
}


async def unreachable(world: World, *letters: object) -> str:
    with pytest.raises(Unreachable) as caught:
        await world.send(*letters)  # type: ignore[arg-type]
    return str(caught.value.status)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", BEFORE)
async def test_before_a_letter_the_destination_is_unreachable(world: World, step: str, fault: str) -> None:
    peer = await world.peer()
    world.serve()
    peer.says[step] = FAULTS[fault]
    peer.says["HELO"] = FAULTS[fault]
    assert (await unreachable(world, letter("b@example.com"))).startswith("4.")
    assert not world.reported and not peer.taken


@pytest.mark.parametrize("fault", [each for each in FAULTS if each != "turned off"])
@pytest.mark.parametrize("step", WITHIN)
async def test_within_a_letter_it_is_temporary(world: World, step: str, fault: str) -> None:
    peer = await world.peer()
    world.serve()
    peer.says[step] = FAULTS[fault]
    if step == "END" and fault != "closing":
        answered = await world.send(letter("b@example.com", "c@example.com"))
        assert "may have arrived" in answered[0].status.text
    elif step == "END":
        answered = await world.send(letter("b@example.com", "c@example.com"))
        assert answered[0].status.code == "4.3.2"
    else:
        await unreachable(world, letter("b@example.com", "c@example.com"))
        answered = {each.number: each for _, some in world.reported for each in some}
    assert sorted(answered) == [0, 1]
    assert all(each.status.temporary for each in answered.values())
    assert all(len(each.reply) <= 400 and len(each.status.text) < 500 for each in answered.values())


@pytest.mark.parametrize("greeting", ["554 5.7.1 no service for you", "421 busy", b"garbage\r\n"])
async def test_the_next_host_serves_where_the_first_does_not(world: World, greeting: object) -> None:
    first = await world.peer("127.0.0.1", says={"CONNECT": greeting})
    second = await world.peer("127.0.0.2")
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2")
    answered = await world.send(letter("b@example.com"))
    assert answered[0].remote == "mx2.example.com" and answered[0].address == "127.0.0.2"
    assert len(first.sessions) == 1 and len(second.taken) == 1


async def test_the_next_address_of_a_host_is_tried(world: World) -> None:
    await world.peer("127.0.0.3")
    world.serve("example.com", "mx.example.com=127.0.0.2")
    world.names.put("mx.example.com", "A", "127.0.0.3")
    answered = await world.send(letter("b@example.com"))
    assert answered[0].address == "127.0.0.3"


async def test_an_address_where_nobody_answered_is_tried_last_for_a_while(world: World) -> None:
    peer = await world.peer("127.0.0.3")
    world.serve("example.com", "mx.example.com=127.0.0.3")
    world.destinations.shun("127.0.0.2")
    world.names.put("mx.example.com", "A", "127.0.0.2")
    destination = await world.destinations.find("example.com")
    approach = await world.destinations.approach(destination, "mx.example.com")
    assert approach.addresses == ("127.0.0.3", "127.0.0.2")
    assert not peer.sessions


async def test_a_host_where_nobody_answered_is_tried_last_for_a_while(world: World) -> None:
    await world.peer("127.0.0.1", says={"CONNECT": CLOSE})
    await world.peer("127.0.0.2")
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2")
    for _ in range(3):
        await world.send(letter("b@example.com"))
    assert [len(peer.sessions) for peer in world.peers] == [1, 3]


async def test_not_every_address_is_bothered_with_the_same_letter(world: World) -> None:
    for number in range(1, 6):
        await world.peer(f"127.0.0.{number}", says={"MAIL": "421 4.7.0 not so fast"})
    world.serve("example.com", *(f"mx{number}.example.com=127.0.0.{number}" for number in range(1, 6)))
    await unreachable(world, letter("b@example.com"))
    assert sum(len(peer.sessions) for peer in world.peers) == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [CLOSE, HANG, "421 4.3.2 closing", b"\x00\r\n"])
async def test_a_session_that_breaks_over_the_first_letter_leaves_it_to_the_next_host(
    world: World, step: str, fault: object
) -> None:
    first = await world.peer("127.0.0.1", says={step: fault})
    second = await world.peer("127.0.0.2")
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2")
    answered = await world.send(letter("b@example.com"), letter("c@example.com"))
    assert answered[0].remote == "mx2.example.com"
    assert not first.taken and len(second.taken) == 2


async def test_who_was_answered_before_the_break_is_not_tried_again(world: World) -> None:
    await world.peer("127.0.0.1", says={"RCPT": ["550 5.1.1 unknown", CLOSE]})
    second = await world.peer("127.0.0.2")
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2")
    await world.send(letter("b@example.com", "c@example.com"))
    assert second.taken[0].rcpts == ["RCPT TO:<c@example.com>"]
    numbers = [(each.number, each.status.code) for _, some in world.reported for each in some]
    assert numbers == [(0, "5.1.1"), (1, "2.0.0")]


async def test_lost_after_the_end_of_the_message_no_other_host_gets_it(world: World) -> None:
    await world.peer("127.0.0.1", says={"END": CLOSE})
    second = await world.peer("127.0.0.2")
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2")
    answered = await world.send(letter("b@example.com"))
    assert answered[0].status.code == "4.4.2" and not second.sessions


async def test_a_later_letter_that_finds_the_session_closed_is_left_to_the_runner(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["MAIL"] = ["250 ok", "421 4.7.0 enough for today"]
    await world.send(letter("b@example.com"), letter("c@example.com"))
    assert len(world.reported) == 1 and len(peer.taken) == 1


async def test_a_421_at_the_end_is_an_answer_and_ends_the_session(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["END"] = ["421 4.3.1 disk full"]
    await world.send(letter("b@example.com"), letter("c@example.com"))
    ((_, answered),) = world.reported
    assert str(answered[0].status) == "4.3.1 disk full" and not peer.taken


async def test_an_answer_before_the_question_is_not_believed(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["DATA"] = b"354 go on\r\n250 2.0.0 taken already\r\n"
    await unreachable(world, letter("b@example.com"))
    ((_, answered),) = world.reported
    assert answered[0].status.temporary


async def test_250_to_data_is_no_delivery(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["DATA"] = "250 2.0.0 taken already"
    await unreachable(world, letter("b@example.com"))
    assert all(each.status.temporary for _, some in world.reported for each in some)


async def test_refused_in_the_middle_of_a_large_message(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING",))
    world.serve()
    peer.says["DATA"] = lambda line: b"354 go on\r\n"
    text = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n"
    path = world.folder / "large.eml"
    path.write_bytes(text + b"y" * 20_000_000 + b"\r\n")
    message = Message(path, path.stat().st_size)

    async def message_refused(part: object) -> None:
        await part.reader.read(1000)  # type: ignore[attr-defined]
        part.writer.write(b"552 5.3.4 too big for us\r\n")  # type: ignore[attr-defined]
        await part.writer.drain()  # type: ignore[attr-defined]
        await part.reader.read()  # type: ignore[attr-defined]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.peer._Part.message", message_refused)
        answered = await world.send(dataclasses.replace(letter("b@example.com"), message=message))
    assert str(answered[0].status) == "5.3.4 too big for us"


async def test_replies_in_drops_are_still_in_time_as_a_whole_or_not(world: World) -> None:
    """The time is for the whole reply: a server that sends an octet now and then gains nothing by it."""

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for octet in itertools.cycle(b"220-slow\r\n"):
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            over.set()
        finally:
            writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(dripping, "127.0.0.1", 0)
    timeouts = world.settings.queue.timeouts.model_copy(update={"greeting": 0.2})
    world.configure(port=server.sockets[0].getsockname()[1], timeouts=timeouts)
    world.serve()
    try:
        assert "did not greet in time" in await unreachable(world, letter("b@example.com"))
        await asyncio.wait_for(over.wait(), 60)  # it was hung up on
    finally:
        server.close()


async def test_nobody_listens(world: World) -> None:
    world.configure(port=1)
    world.serve()
    assert await unreachable(world) == "4.4.1 mx.example.com (127.0.0.1): connection refused"


async def test_memory_stays_bounded_with_an_endless_reply() -> None:
    from smtp.relay.reply import MOST, BadReply, Replies

    replies = Replies()
    with pytest.raises(BadReply):
        for _ in range(10_000):
            replies.feed(b"250-" + b"x" * 1000 + b"\r\n")
            assert replies.next() is None
    assert replies._size <= MOST + 2000


async def test_text_for_everybody_is_clean(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["RCPT"] = b"550-5.1.1 no\x1b[31m\x07 such\r\n550-5.1.1 \xff\xe3\x81\x82\r\n550 5.1.1 user\r\n"
    answered = await world.send(letter("b@example.com"))
    assert str(answered[0].status) == "5.1.1 no?[31m? such �あ user"
    assert answered[0].reply.isprintable()
    assert TEXT not in [taken.data for taken in peer.taken]

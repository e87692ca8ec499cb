"""Mail to other servers: by destination, at the pace each can bear, the dead holding up nobody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp.relay.letter import Answered
from smtp.relay.pace import FIRST_PAUSE, LONGEST_PAUSE
from storage.queue.admin import QueueAdmin
from storage.queue.queue import LEASE, TELL_WITHIN
from storage.queue.queued import Addressee, Select, State
from storage.status import DELIVERED, Status
from tests.unit.smtp.site import MESSAGE, START, Site

ME = "me@example.test"
NOBODY = Status("4.4.1", "no answer")
LATER = Answered(0, Status("4.7.1", "later"), "mx.test", reply="451 4.7.1 later")
CLOSING = Answered(0, Status("4.3.2", "too busy"), "mx.test", reply="421 4.3.2 too busy")
UNKNOWN = Answered(0, Status("5.1.1", "unknown"), "mx.test", reply="550 5.1.1 unknown")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("smtp.relay.traffic.LINGER", 0.02)
    site = Site(tmp_path)
    yield site
    site.queue.close()
    site.bus.close()


def to(*addresses: str, notify: str = "") -> list[Addressee]:
    return [Addressee(address, notify=notify) for address in addresses]


async def test_a_message_goes_to_each_destination_once_with_all_its_recipients(site: Site) -> None:
    queue_id = site.queue.add(MESSAGE, ME, to("a@x.test", "b@y.test", "c@x.test", "taro@example.test"), "t")
    await site.until(0)
    assert sorted(site.world.sent) == [(queue_id, ["a@x.test", "c@x.test"]), (queue_id, ["b@y.test"])]
    assert [address for address, _ in site.stored] == ["taro@example.test"]
    assert site.open() == [] and not list(site.queue.directory.glob("*.eml"))


async def test_a_thousand_recipients_at_three_hundred_domains(site: Site) -> None:
    site.queue.add(MESSAGE, ME, to(*(f"u{n}@d{n % 300}.test" for n in range(1000))), "t")
    assert site.queue.grow_up(age=0) == 1
    assert len(list(site.queue.directory.glob("*.eml"))) == 1
    await site.until(5)
    assert len(site.world.sent) == 300
    assert sum(len(recipients) for _, recipients in site.world.sent) == 1000
    assert site.open() == []


async def test_one_letter_names_no_more_recipients_than_is_allowed(site: Site) -> None:
    site.queue.add(MESSAGE, ME, to(*(f"u{n}@x.test" for n in range(250))), "t")
    await site.until(5)
    assert sorted(len(recipients) for _, recipients in site.world.sent) == [50, 100, 100]


async def test_a_connection_is_used_again_up_to_its_limit(site: Site) -> None:
    site.configure(connections_per_destination=1, messages_per_connection=10)
    for _ in range(35):
        site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    await site.until(5)
    assert len(site.world.sent) == 35 and len(site.world.calls) == 4


async def test_a_letter_that_comes_while_a_connection_lingers_goes_over_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtp.relay.traffic.LINGER", 30.0)
    site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    await site.look()
    while site.runner.traffic.holding():
        await asyncio.sleep(0)
    site.queue.add(MESSAGE, ME, to("b@x.test"), "t")
    await site.look()
    while len(site.world.sent) < 2:
        await asyncio.sleep(0)
    assert len(site.world.calls) == 1
    site.runner.stop()
    await site.runner.traffic.settled()


async def test_several_that_linger_are_all_used_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp.relay.traffic.LINGER", 30.0)
    for _ in range(30):
        for _ in range(2):
            site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
        await site.look()
        while site.runner.traffic.holding():
            await asyncio.sleep(0)
    assert len(site.world.sent) == 60 and len(site.world.calls) == 2
    site.runner.stop()
    await site.runner.traffic.settled()


async def test_of_a_dead_destination_one_is_tried_and_all_are_put_off(site: Site) -> None:
    site.world.dead["dead.test"] = NOBODY
    for number in range(50):
        site.queue.add(MESSAGE, ME, to(f"u{number}@dead.test"), "t")
        site.queue.add(MESSAGE, ME, to(f"u{number}@alive.test"), "t")
    await site.until(0)
    assert len([key for key, _ in site.world.calls if key == "dead.test"]) <= 2
    assert len(site.world.sent) == 50
    waiting = site.open()
    assert len(waiting) == 50
    assert all(state is State.WAITING and status == NOBODY for _, state, status in waiting)
    site.queue.add(MESSAGE, ME, to("new@dead.test"), "t")
    site.world.calls.clear()
    site.now += 5
    await site.until(FIRST_PAUSE - 5)
    assert site.world.calls == []  # what is new waits with the others
    await site.until(600)
    tried = [when for key, when in site.world.calls if key == "dead.test"]
    assert len(tried) <= 6  # not once for each of 51 messages
    del site.world.dead["dead.test"]
    await site.until(1300)
    assert site.open() == [] and len(site.world.sent) == 101


async def test_an_operator_who_says_retry_is_not_told_to_wait(site: Site) -> None:
    site.world.dead["dead.test"] = NOBODY
    site.queue.add(MESSAGE, ME, to("u@dead.test"), "t")
    await site.until(10)
    del site.world.dead["dead.test"]
    QueueAdmin(site.queue).retry(Select())
    await site.until(10)
    assert site.world.sent == []
    site.runner.try_all()  # what the hint on the bus does
    await site.until(10)
    assert len(site.world.sent) == 1


async def test_a_domain_that_does_not_exist_fails_at_once_for_all(site: Site) -> None:
    site.world.dead["nowhere.test"] = Status("5.1.2", "no such domain")
    for number in range(3):
        site.queue.add(MESSAGE, ME, to(f"u{number}@nowhere.test"), "t")
    await site.until(0)
    assert [address for address, _ in site.stored] == [ME] * 3 and site.open() == []
    assert len(site.world.calls) <= 2


async def test_hanging_destinations_leave_room_for_those_that_work(site: Site) -> None:
    site.configure(connections=10)
    for number in range(30):
        name = f"hangs{number}.test"
        site.world.gates[name] = asyncio.Event()
        site.world.dead[name] = NOBODY
        site.queue.add(MESSAGE, ME, to(f"u@{name}"), "t")
    site.runner.paces.of("good.test").succeeded(20)
    site.now += 1
    for _ in range(3):
        site.queue.add(MESSAGE, ME, to("u@good.test"), "t")
    async with asyncio.timeout(60):
        while len(site.world.sent) < 3:
            await site.runner.step()
            await asyncio.sleep(0)
    hanging = [count for key, count in site.world.open.items() if key != "good.test"]
    assert sum(hanging) == 5  # half of all
    for gate in site.world.gates.values():
        gate.set()
    await site.until(2)
    assert len({key for key, _ in site.world.calls}) == 31


async def test_the_number_of_connections_grows_and_is_halved_by_trouble(site: Site) -> None:
    site.configure(connections_per_destination=8, messages_per_connection=3)
    for _ in range(60):
        site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    await site.until(5)
    assert len(site.world.sent) == 60 and 2 < site.world.most_open["x.test"] <= 8
    before = site.runner.paces.of("x.test").allowed(8)
    site.world.replies["late@x.test"] = LATER
    site.queue.add(MESSAGE, ME, to("late@x.test"), "t")
    await site.until(5)
    assert site.runner.paces.of("x.test").allowed(8) == before // 2
    full = Answered(0, Status("4.2.2", "full"), "mx.test", reply="452 4.2.2 full")
    site.world.replies["full@x.test"] = full
    site.queue.add(MESSAGE, ME, to("full@x.test"), "t")
    await site.until(5)
    assert site.runner.paces.of("x.test").allowed(8) == before // 2  # one mailbox says nothing about the host


async def test_a_host_that_says_421_is_left_alone_and_the_others_wait_untried(site: Site) -> None:
    site.configure(connections_per_destination=1)
    for number in range(5):
        site.world.replies[f"u{number}@x.test"] = CLOSING
        site.queue.add(MESSAGE, ME, to(f"u{number}@x.test"), "t")
    await site.until(10)
    assert len(site.world.sent) == 1
    tried = [status for _, _, status in site.open() if status is not None]
    assert tried == [CLOSING.status]
    site.world.replies.clear()
    await site.until(FIRST_PAUSE + 5)
    assert site.open() == []


async def test_a_fault_of_the_courier_is_no_loss_and_stops_nobody_else(site: Site) -> None:
    site.world.broken.add("x.test")
    queue_id = site.queue.add(MESSAGE, ME, to("a@x.test", "b@y.test"), "t")
    await site.until(5)
    assert site.world.sent == [(queue_id, ["b@y.test"])]
    site.world.broken.clear()
    await site.until(100)
    assert len(site.world.sent) == 2 and site.open() == []


async def test_what_goes_elsewhere_by_now_is_sent_there(site: Site) -> None:
    """A route was configured while the mail waited: nothing needs to be changed in the queue."""
    site.world.dead["x.test"] = NOBODY
    site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    await site.until(5)
    site.runner._key = lambda *_: "smarthost"
    await site.until(100)
    assert [key for key, _ in site.world.calls] == ["x.test", "smarthost"] and site.open() == []


async def test_the_sender_is_told_once_of_a_delay_and_then_of_the_end(site: Site) -> None:
    site.configure(delay_notice=1000)
    site.world.dead["dead.test"] = NOBODY
    site.queue.add(MESSAGE, ME, to("u@dead.test"), "t")
    await site.until(1100)
    ((address, notice),) = site.stored
    assert address == ME and b"Action: delayed" in notice and b"Will-Retry-Until:" in notice
    await site.until(3000)
    assert len(site.stored) == 1
    await site.until(3600 + LONGEST_PAUSE)
    assert len(site.stored) == 2 and b"Action: failed\r\nStatus: 4.4.1" in site.stored[1][1]
    assert site.open() == []


@pytest.mark.parametrize(("sender", "notify"), [(ME, "FAILURE"), (ME, "NEVER"), ("", "")])
async def test_who_did_not_ask_for_it_hears_of_no_delay(site: Site, sender: str, notify: str) -> None:
    site.configure(delay_notice=1000)
    site.world.dead["dead.test"] = NOBODY
    site.queue.add(MESSAGE, sender, to("u@dead.test", notify=notify), "t")
    await site.until(2000)
    assert site.stored == []


async def test_of_a_success_is_told_who_asked_unless_the_next_host_does_it(site: Site) -> None:
    ok = Answered(0, Status("2.0.0", "ok"), "mx.test", reply="250 ok")
    site.world.replies["does@x.test"] = Answered(0, DELIVERED, "mx.test", reply="250 ok", dsn=True)
    site.world.replies["not@x.test"] = ok
    site.queue.add(MESSAGE, ME, to("does@x.test", notify="SUCCESS"), "t")
    site.queue.add(MESSAGE, ME, to("not@x.test", notify="SUCCESS"), "t")
    site.queue.add(MESSAGE, ME, to("not@x.test"), "t")
    site.queue.add(MESSAGE, ME, to("taro@example.test", notify="SUCCESS,FAILURE"), "t")
    await site.until(5)
    notices = [text for address, text in site.stored if address == ME]
    actions = sorted(line for text in notices for line in text.split(b"\r\n") if line.startswith(b"Action:"))
    assert actions == [b"Action: delivered", b"Action: relayed"]


async def test_one_notice_for_all_that_failed_in_a_round(site: Site) -> None:
    recipients = [f"u@d{number}.test" for number in range(5)]
    for address in recipients[:3]:
        site.world.replies[address] = UNKNOWN
    site.world.dead["d3.test"] = NOBODY
    site.queue.add(MESSAGE, ME, to(*recipients), "t")
    await site.until(TELL_WITHIN - 10)
    ((_, notice),) = site.stored
    assert notice.count(b"Action: failed") == 3
    assert b"Remote-MTA: dns; mx.test\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown" in notice


async def test_killed_while_sending_the_letter_is_sent_again_and_no_other(site: Site) -> None:
    """What another process had out when it was killed comes back with its lease; what it recorded does not."""
    first = site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    second = site.queue.add(MESSAGE, ME, to("b@x.test"), "t")
    gate = site.world.gates["x.test"] = asyncio.Event()
    site.configure(connections_per_destination=1)
    await site.look()
    gate.set()
    while not site.world.sent:
        await asyncio.sleep(0)
    gate.clear()
    while site.queue.lanes() or len(site.open()) > 1:
        await asyncio.sleep(0.001)  # the first one is recorded, the second one is out
    for lane in site.runner.traffic.lanes.values():
        for task in lane.connections:
            task.cancel()
    site.world.gates.clear()
    site.runner = site.new_runner()
    await site.until(LEASE + 5)
    assert sorted(queue_id for queue_id, _ in site.world.sent) == sorted([first, second])
    assert site.open() == []


async def test_a_runner_that_stops_finishes_what_is_out_and_begins_nothing(site: Site) -> None:
    gate = site.world.gates["x.test"] = asyncio.Event()
    site.configure(connections_per_destination=1)
    for _ in range(3):
        site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    task = asyncio.create_task(site.runner.run())
    async with asyncio.timeout(60):
        while not site.runner.traffic.holding():
            await asyncio.sleep(0.001)
        while not any(lane.out for lane in site.runner.traffic.lanes.values()):
            await asyncio.sleep(0.001)
        site.runner.stop()
        gate.set()
        await task
    assert len(site.world.sent) == 1
    assert (
        len(site.queue.claim("another process", lanes=["x.test"])) == 2
    )  # at once, without waiting for leases


async def test_leases_are_renewed_for_what_is_in_hand_only(site: Site) -> None:
    site.world.gates["x.test"] = asyncio.Event()
    site.queue.add(MESSAGE, ME, to("a@x.test"), "t")
    await site.look()
    site.now += LEASE - 1
    site.queue.renew(site.runner._holder, site.runner.traffic.holding())
    site.now += LEASE - 1
    assert site.queue.claim("another") == []
    site.queue.renew(site.runner._holder, [])
    site.now += 1
    assert len(site.queue.claim("another", lanes=["x.test"])) == 1
    assert site.now > START
    site.world.gates["x.test"].set()
    await site.runner.traffic.settled()

"""Destinations that do wrong: nothing is lost, nothing comes twice, and nobody else waits."""

import resource
from collections.abc import Callable
from pathlib import Path

from tests.neighbours.client import letter, submit, wait_for
from tests.neighbours.faults import FAULTS, HANGING, broken_tls
from tests.neighbours.land import FREE, Land
from tests.neighbours.ours import START
from tests.neighbours.peers import Script, Server, Sink

Serve = Callable[[int, Script], Server]

FIRST = FREE[10]  # the faulty ones live from here on
SILENT = FREE[40]
MEMORY = 64 * 1024 * 1024  # octets that the relay may grow while it is told 10 MB replies


def test_whatever_a_destination_does(land: Land, serve: Serve) -> None:
    """All faults at once; then each peer is well again, and each mail comes, once."""
    sender = land.alpha.account("faults")
    numbers = {name: FIRST + place for place, name in enumerate(FAULTS)}
    to = {name: f"{name}@house{number}.test" for name, number in numbers.items()}
    peers = {name: serve(numbers[name], script) for name, script in FAULTS.items()}
    mark, before = land.alpha.relay_log.mark(), memory(land.alpha.pid("relay"))
    submit(land.alpha, sender, list(to.values()), letter(sender.address, "everybody", "faults"))

    for name, address in to.items():
        line = land.alpha.relay_log.wait("queue.deferred", since=mark, to=address)
        assert line["status"].startswith("4."), (name, line)
    assert memory(land.alpha.pid("relay")) - before < MEMORY
    assert not sender.stored()

    for name, peer in peers.items():
        peer.close()
        peers[name] = serve(numbers[name], Sink())
    land.alpha.retry()
    for name, peer in peers.items():
        received = peer.one()
        assert len(received.rcpts) == 1 and to[name] in received.rcpts[0]
        assert received.data.endswith(b"\r\n\r\nHello\r\n")
    wait_for(lambda: not land.alpha.files_in_queue(), "empty queue")


def test_nobody_waits_for_the_silent(land: Land, serve: Serve) -> None:
    """beta's relay would wait ten minutes for their answers, and nobody gives up before the other mail has come."""
    sender = land.beta.account("beside")
    silent = [serve(number, script) for number, script in enumerate(HANGING, SILENT)]
    to = [f"x@house{number}.test" for number in range(SILENT, SILENT + len(silent))]
    submit(land.beta, sender, to, letter(sender.address, "everybody", "silence"))
    for peer in silent:
        peer.wait(lambda peer: peer.connections == 1)
    healthy = serve(FIRST - 1, Sink())
    mark = land.beta.relay_log.mark()
    address = f"x@house{FIRST - 1}.test"
    submit(land.beta, sender, [address], letter(sender.address, address, "beside"))
    healthy.one()
    land.beta.relay_log.wait("queue.sent", since=mark, to=address)
    assert not land.beta.relay_log.all("queue.deferred", since=mark)


def test_broken_tls_is_no_reason_to_wait(land: Land, serve: Serve) -> None:
    """Where TLS is not promised by anybody, mail goes in the clear rather than not at all (RFC 7435)."""
    peer = serve(54, broken_tls)
    sender = land.alpha.account("broken-tls")
    submit(land.alpha, sender, ["x@house54.test"], letter(sender.address, "x@house54.test", "clear"))
    peer.wait(lambda peer: any(b"Subject: clear" in each for each in peer.heard))


def test_answer_to_dot_decides(land: Land, serve: Serve) -> None:
    """Once the 250 was seen nothing is sent again, though the peer vanishes with the next octet."""
    peer = serve(55, Sink(after=True))
    sender = land.alpha.account("vanishes")
    address = "x@house55.test"
    submit(land.alpha, sender, [address], letter(sender.address, address, "vanishes"))
    peer.one()
    land.alpha.relay_log.wait("queue.sent", to=address)
    land.alpha.retry()
    submit(land.alpha, sender, [address], letter(sender.address, address, "another"))
    peer.wait(lambda peer: len(peer.received) > 1)
    assert [b"Subject: another" in each.data for each in peer.received] == [False, True]


def test_relay_killed(land: Land, serve: Serve) -> None:
    """SIGKILL in the middle of many: all of them come, and at most one again for each connection. beta would wait
    ten minutes for an answer: none is given up on a machine that stands still."""
    sinks = [serve(number, Sink(pause=0.05)) for number in (56, 57)]
    sender = land.beta.account("killed")
    many = 30
    for number in range(many):
        address = f"x@house{56 + number % 2}.test"
        submit(land.beta, sender, [address], letter(sender.address, address, f"number {number:02}"))
        if number == many // 2:
            sinks[0].wait(lambda sink: len(sink.received) > 2)
            land.beta.kill("relay")
    connections = sum(sink.connections for sink in sinks)
    mark = land.beta.relay_log.mark()
    land.beta.start("relay")
    land.beta.relay_log.wait("process.serving", since=mark, timeout=START)
    for sink in sinks:
        sink.wait(lambda sink: len(subjects(sink)) == many // 2)
    again = sum(len(sink.received) for sink in sinks) - many
    assert 0 <= again <= connections
    wait_for(lambda: not land.beta.queue(sender.address), "end of them in the queue")
    for file in land.beta.files_in_queue():  # killed before a file was removed: swept after an hour
        file.unlink()


def subjects(sink: Server) -> set[bytes]:
    return {each.data.partition(b"Subject: ")[2].partition(b"\r\n")[0] for each in sink.received}


def memory(pid: int) -> int:
    """Resident octets."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()

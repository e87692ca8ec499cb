"""Routes and smarthosts: who is spoken to, as whom, with which login."""

from pathlib import Path
from typing import Any

import pytest

from config.outbound import Route, Smarthost
from smtp.relay.letter import Unreachable
from tests.unit.smtp.relay.conftest import World, letter, server_context


def smarthost(world: World, name: str = "127.0.0.1", **more: Any) -> Smarthost:
    return Smarthost(address=f"{name}:{world.peers[0].port}", **more)


def with_login(world: World, **more: Any) -> Smarthost:
    secret = world.folder / "secret"
    secret.write_text("s3cret\nanother line\n")
    return smarthost(world, username="user", password_file=secret, **more)


async def test_keys_say_what_shares_connections(world: World) -> None:
    key = world.destinations.key
    assert key("a@example.test", "Example.COM") == "example.com"
    assert key("", "例え.jp") == "xn--r8jz45g.jp"
    relay = Smarthost(address="relay.example:587")
    routes = (
        Route(senders=("customer.jp",), destinations=("example.com",), smarthost=relay),
        Route(senders=("*.customer.jp",), helo="out.customer.jp"),
        Route(destinations=("*.example.net",), smarthost=relay),
    )
    world.configure(routes=routes)
    fits = key("a@Customer.jp", "example.com")
    assert fits.startswith("smarthost relay.example:587 by route ")
    assert key("a@customer.jp", "example.org") == "example.org"
    assert key("a@x.customer.jp", "example.org").startswith("example.org by route ")
    assert key("", "a.example.net").startswith("smarthost relay.example:587 by route ")
    assert key("", "example.net") == "example.net"
    world.configure(smarthost=relay)
    assert key("", "example.net") == "smarthost relay.example:587"
    destination = await world.destinations.find(fits)
    assert (destination.hosts, destination.port) == (("relay.example",), 587)


async def test_a_key_of_before_a_change_is_temporary(world: World) -> None:
    world.configure(
        routes=(Route(helo="out.example.test"),), smarthost=Smarthost(address="relay.example:587")
    )
    keys = [world.destinations.key("", "example.com"), "smarthost relay.example:587"]
    world.configure(routes=(), smarthost=None)
    for key in keys:
        with pytest.raises(Unreachable) as caught:
            await world.destinations.find(key)
        assert caught.value.status.code == "4.3.5"


async def test_our_name_and_address_by_route(world: World) -> None:
    peer = await world.peer()
    world.serve()
    seen: list[str] = []
    serve = peer._serve

    async def watched(reader: Any, writer: Any) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        await serve(reader, writer)

    await peer.stop()
    peer._serve = watched  # type: ignore[method-assign]
    await peer.start()
    world.configure(routes=(Route(helo="out.example.test", source=("127.0.0.9",)),), port=peer.port)
    await world.send(letter("b@example.com"), key=world.destinations.key("", "example.com"))
    assert peer.sessions[0][0] == "EHLO out.example.test"
    assert seen == ["127.0.0.9"]


async def test_a_smarthost_takes_it_without_tls(world: World) -> None:
    peer = await world.peer()
    world.configure(smarthost=smarthost(world))
    key = world.destinations.key("a@example.test", "example.com")
    assert (await world.send(letter("b@example.com"), key=key))[0].status.ok
    assert len(peer.taken) == 1


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("mechanisms", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
async def test_a_smarthost_with_a_login(
    world: World, implicit: bool, mechanisms: str, tmp_path: Path
) -> None:
    context = server_context(tmp_path, "relay.example.com")
    peer = await world.peer(context=context, implicit=implicit, extensions=("PIPELINING", mechanisms))
    world.names.put("relay.example.com", "A", "127.0.0.1")
    trust(world, "relay.example.com")
    peer.says["AUTH"] = lambda line: "235 ok" if "PLAIN" in line else "334 VXNlcm5hbWU6"
    peer.says["DXNLCG=="] = "334 UGFzc3dvcmQ6"
    peer.says["CZNJCMV0"] = "235 2.7.0 ok"
    tls = "implicit" if implicit else "starttls"
    world.configure(smarthost=with_login(world, name="relay.example.com", tls=tls))
    key = world.destinations.key("", "example.com")
    peer.says["DXNLCG=="] = "334 UGFzc3dvcmQ6"
    answered = await world.send(letter("b@example.com"), key=key)
    assert answered[0].status.ok and answered[0].tls and answered[0].tls.endswith("(verified)")
    others = ("EHLO", "MAIL", "RCPT", "STARTTLS", "DATA", "QUIT")
    said = [line for line in peer.sessions[0] if not line.startswith(others)]
    if "PLAIN" in mechanisms:
        assert said == ["AUTH PLAIN AHVzZXIAczNjcmV0"]
    else:
        assert said == ["AUTH LOGIN", "dXNlcg==", "czNjcmV0"]


async def test_a_wrong_password_is_temporary_and_no_mail_bounces(world: World, tmp_path: Path) -> None:
    context = server_context(tmp_path, "relay.example.com")
    peer = await world.peer(context=context, extensions=("AUTH PLAIN",))
    world.names.put("relay.example.com", "A", "127.0.0.1")
    trust(world, "relay.example.com")
    peer.says["AUTH"] = "535 5.7.8 wrong"
    world.configure(smarthost=with_login(world, name="relay.example.com", tls="starttls"))
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"), key=world.destinations.key("", "example.com"))
    assert str(caught.value.status) == "4.7.8 535 5.7.8 wrong"


async def test_no_password_without_proof(world: World, tmp_path: Path) -> None:
    peer = await world.peer(context=server_context(tmp_path, "relay.example.com"), extensions=("AUTH PLAIN",))
    world.names.put("relay.example.com", "A", "127.0.0.1")
    (world.folder / "authority.pem").write_bytes((tmp_path / "relay.example.com.pem").read_bytes())
    server_context(tmp_path, "other.example")
    trust(world, "other.example")
    world.configure(smarthost=with_login(world, name="relay.example.com", tls="starttls"))
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"), key=world.destinations.key("", "example.com"))
    assert caught.value.status.code == "4.7.5"
    assert not any(line.startswith("AUTH") for session in peer.sessions for line in session)


async def test_lmtp_answers_each_recipient(world: World) -> None:
    peer = await world.peer()
    peer.says["END"] = ["250 2.1.5 ok", "452 4.2.2 full"]
    world.configure(smarthost=smarthost(world, protocol="lmtp"))
    key = world.destinations.key("", "example.com")
    answered = await world.send(letter("b@example.com", "c@example.com"), key=key)
    assert peer.sessions[0][0] == "LHLO mail.example.test"
    assert [answered[number].status.code for number in (0, 1)] == ["2.1.5", "4.2.2"]


def trust(world: World, name: str) -> None:
    (world.folder / "authority.pem").write_bytes((world.folder / f"{name}.pem").read_bytes())
    world.configure(port=world.settings.queue.port)  # contexts are made anew

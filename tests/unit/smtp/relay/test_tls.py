"""TLS that nobody asked for is taken where it works, and never stands in the way; REQUIRETLS does."""

import ssl

import pytest

from smtp.relay.letter import Unreachable
from tests.peer import CLOSE, HANG
from tests.unit.smtp.relay.conftest import TEXT, World, letter, proven_context, server_context


async def test_taken_where_it_is_offered(world: World) -> None:
    peer = await world.peer(context=server_context(world.folder, "anybody.example"))
    world.serve()
    answered = await world.send(letter("b@example.com"), letter("c@example.com"))
    assert all(taken.tls for taken in peer.taken) and len(peer.sessions) == 1
    assert answered[0].tls and answered[0].tls.startswith("TLSv1.3 ")
    assert [line.split()[0] for line in peer.sessions[0][:4]] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert peer.greeted == ["mx.example.com"]


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "502 5.5.1 what?"])
async def test_refused_it_goes_on_in_the_clear(world: World, reply: str) -> None:
    peer = await world.peer(context=server_context(world.folder, "anybody.example"))
    peer.says["STARTTLS"] = reply
    world.serve()
    assert (await world.send(letter("b@example.com")))[0].tls is None
    assert len(peer.sessions) == 1 and not peer.taken[0].tls


@pytest.mark.parametrize(
    "answer", [b"220 go\r\n\x15\x03\x01 garbage instead of TLS\r\n", b"220 go\r\n250 hello\r\n"]
)
async def test_broken_a_new_connection_does_without(world: World, answer: bytes) -> None:
    peer = await world.peer(extensions=("PIPELINING", "STARTTLS"))
    peer.says["STARTTLS"] = [answer]
    world.serve()
    answered = await world.send(letter("b@example.com"))
    assert answered[0].status.ok and answered[0].tls is None
    assert len(peer.sessions) == 2 and "STARTTLS" not in peer.sessions[1]


async def test_a_version_that_is_too_old_is_broken_tls(world: World) -> None:
    context = server_context(world.folder, "anybody.example")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = world.settings.queue.tls.model_copy(update={"minimum": "1.3"})
    peer = await world.peer(context=context)
    world.configure(tls=tls)
    world.serve()
    assert (await world.send(letter("b@example.com")))[0].tls is None
    assert len(peer.sessions) == 2


async def test_who_insists_on_tls_that_does_not_work_gets_it_later(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING", "STARTTLS"))
    peer.says |= {"STARTTLS": b"220 go\r\ngarbage\r\n", "MAIL": "530 5.7.0 STARTTLS first"}
    world.serve()
    assert (await world.send(letter("b@example.com")))[0].status.code == "4.7.0"


@pytest.mark.parametrize("fault", [HANG, CLOSE])
async def test_silence_at_starttls(world: World, fault: object) -> None:
    await world.peer(extensions=("STARTTLS",), says={"STARTTLS": fault})
    world.serve()
    with pytest.raises(Unreachable):
        await world.send(letter("b@example.com"))


async def test_replies_slipped_in_before_the_handshake_are_thrown_away(world: World) -> None:
    peer = await world.peer(context=server_context(world.folder, "anybody.example"))
    peer.says["STARTTLS"] = [b"220 go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n"]
    world.serve()
    assert (await world.send(letter("b@example.com")))[0].status.ok
    assert peer.taken[0].mail.endswith(f"SIZE={len(TEXT)}")  # which only the true EHLO offers


async def test_a_handshake_that_hangs_is_broken_tls(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING", "STARTTLS"))
    peer.says["HANDSHAKE"] = HANG
    world.serve()
    answered = await world.send(letter("b@example.com"))
    assert answered[0].status.ok and answered[0].tls is None


# REQUIRETLS (RFC 8689)


async def required(world: World, *, sure: bool = True, offers: bool = True, trusted: bool = True) -> str:
    context = (proven_context if trusted else untrusted_context)(world, "mx.example.com")
    extensions = ("PIPELINING", "REQUIRETLS") if offers else ("PIPELINING",)
    await world.peer(context=context, extensions=extensions)
    world.serve(secure=sure)
    await world.send(letter("b@example.com", require_tls=True), letter("c@example.com"))
    (_, (first,)), (_, (second,)) = world.reported
    assert second.status.ok
    return f"{first.status.code} {world.peers[0].taken[0].mail}"


def untrusted_context(world: World, name: str) -> ssl.SSLContext:
    proven_context(world, "other.example")
    return server_context(world.folder, name)


async def test_kept_where_the_host_is_sure_and_promises_it(world: World) -> None:
    assert (await required(world)).startswith("2.0.0 MAIL FROM:<a@example.test> REQUIRETLS")


@pytest.mark.parametrize("lack", ["sure", "offers", "trusted"])
async def test_else_it_goes_back(world: World, lack: str) -> None:
    assert (await required(world, **{lack: False})).startswith("5.7.30")


async def test_in_the_clear_it_goes_back(world: World) -> None:
    peer = await world.peer(extensions=("REQUIRETLS",))
    world.serve(secure=True)
    assert (await world.send(letter("b@example.com", require_tls=True)))[0].status.code == "5.7.30"
    assert not peer.taken


async def test_the_authorities_of_the_system_are_found_in_its_folder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = proven_context(world, "mx.example.com")
    folder = world.folder / "certs"
    folder.mkdir()
    (folder / "0a1b2c3d.0").write_bytes((world.folder / "authority.pem").read_bytes())
    (folder / "README").write_text("no certificate")
    paths = ssl.get_default_verify_paths()._replace(cafile=None, capath=str(folder))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    world.configure(tls=world.settings.queue.tls.model_copy(update={"trust": None}))
    await world.peer(context=context, extensions=("REQUIRETLS",))
    world.serve(secure=True)
    assert (await world.send(letter("b@example.com", require_tls=True)))[0].status.ok

"""Which socket an address gets: one that was handed over, or a new one."""

import os
import socket
import stat
from pathlib import Path

import pytest

from config.settings import Listen, SmtpListen
from kwcmaild.listeners import CannotListen, name, open_listeners
from net.notify import Inherited


def given(*addresses: str) -> list[Inherited]:
    families = {True: socket.AF_INET6, False: socket.AF_INET}
    made = [socket.create_server((host, 0), family=families[":" in host]) for host in addresses]
    return [Inherited("x", sock) for sock in made]


def address(inherited: Inherited) -> str:
    return name(inherited.sock)


def test_inherited_sockets_are_found_by_their_address() -> None:
    first, second = given("127.0.0.1", "127.0.0.1")
    listens = [Listen(address=address(second), tls="implicit"), Listen(address=address(first))]
    found = open_listeners("imap", listens, [first, second])
    assert [listener.sock for listener in found] == [second.sock, first.sock]
    assert [listener.listen.tls for listener in found] == ["implicit", "starttls"]
    for listener in found:
        assert not listener.sock.getblocking()
        listener.sock.close()


def test_port_zero_takes_the_next_of_its_host() -> None:
    six, first, second = given("::1", "127.0.0.1", "127.0.0.1")
    listens = [Listen(address=host) for host in ("127.0.0.1:0", "[::1]:0", "127.0.0.1:0")]
    found = open_listeners("imap", listens, [six, first, second])
    assert [listener.sock for listener in found] == [first.sock, six.sock, second.sock]
    for listener in found:
        listener.sock.close()


def test_what_is_missing_is_bound_and_what_nobody_named_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    (stranger,) = given("127.0.0.1")
    unused = address(stranger)
    (listener,) = open_listeners("imap", [Listen(address="127.0.0.2:0")], [stranger])
    assert listener.sock.getsockname()[0] == "127.0.0.2"
    assert stranger.sock.fileno() == -1
    (record,) = [record for record in caplog.records if record.message == "socket.unused"]
    assert record.fields["address"] == unused  # type: ignore[attr-defined]
    listener.sock.close()


def test_after_a_failure_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (first,) = given("127.0.0.1")
        listens = [Listen(address=address(first)), Listen(address=f"127.0.0.1:{port}")]
        with pytest.raises(CannotListen, match=f"imap: cannot listen on 127.0.0.1:{port}: another program"):
            open_listeners("imap", listens, [first])
        assert first.sock.fileno() == -1


def lmtp(path: Path, **more: str) -> SmtpListen:
    return SmtpListen.model_validate({"address": f"unix:{path}", "mode": "lmtp", **more})


def test_a_unix_socket_has_the_rights_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    (listener,) = open_listeners("smtp", [lmtp(path, socket_mode="0600")])
    try:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert name(listener.sock) == f"unix:{path}"
        with pytest.raises(CannotListen, match="another program listens there"):
            open_listeners("smtp", [lmtp(path)])
    finally:
        listener.sock.close()
    (again,) = open_listeners("smtp", [lmtp(path)])  # what a dead process left is replaced
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    again.sock.close()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("dear")
    with pytest.raises(CannotListen, match=f"unix:{path}"):
        open_listeners("smtp", [lmtp(path)])
    assert path.read_text() == "dear"


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="no group kw-nobody"):
        open_listeners("smtp", [lmtp(tmp_path / "s", socket_group="kw-nobody")])


def test_an_inherited_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    (tcp,) = given("127.0.0.1")
    listens = [lmtp(path), SmtpListen(address=address(tcp), mode="mx")]
    found = open_listeners("smtp", listens, [tcp, Inherited("x", sock)])
    assert [listener.sock for listener in found] == [sock, tcp.sock]
    for listener in found:
        listener.sock.close()

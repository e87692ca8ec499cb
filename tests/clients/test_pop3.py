"""Real programs fetch by POP3: curl, fetchmail, getmail6 and Python's poplib, each way of TLS."""

import poplib
import ssl
from pathlib import Path

import pytest

from tests.clients.daemons import HOST, Daemons, Login, Tools
from tests.clients.fetching import fetchmail, getmail
from tests.clients.mail import ODD, digests, lf, mail, seed, send

WAYS = ("plain", "starttls", "implicit")


def connect(daemons: Daemons, login: Login, way: str, context: ssl.SSLContext) -> poplib.POP3:
    port = daemons.port("pop3", way)
    if way == "implicit":
        client: poplib.POP3 = poplib.POP3_SSL(HOST, port, timeout=90, context=context)
    else:
        client = poplib.POP3(HOST, port, timeout=90)
        if way == "starttls":
            client.stls(context)
    client.user(login.address)
    client.pass_(login.password)
    return client


def retrieve(client: poplib.POP3, number: int) -> bytes:
    return b"".join(line + b"\r\n" for line in client.retr(number)[1])


@pytest.mark.parametrize("way", WAYS)
def test_poplib(daemons: Daemons, login: Login, context: ssl.SSLContext, way: str) -> None:
    stored = seed(daemons, login)
    client = connect(daemons, login, way, context)
    assert client.stat() == (len(stored), sum(map(len, stored)))
    assert [retrieve(client, number + 1) for number in range(len(stored))] == stored
    assert client.top(1, 0)[1][-1] == b""
    names = client.uidl()[1]
    client.dele(1)
    client.quit()
    client = connect(daemons, login, way, context)
    assert [line.split()[1] for line in client.uidl()[1]] == [line.split()[1] for line in names[1:]]
    client.quit()
    assert login.stored() == stored[1:]


@pytest.mark.parametrize("way", WAYS)
def test_curl(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    scheme = "pop3s" if way == "implicit" else "pop3"
    base = [
        "curl", "-sS", "--cacert", daemons.demo.ca, *(["--ssl-reqd"] if way == "starttls" else []),
        "--user", f"{login.address}:{login.password}",
    ]  # fmt: skip
    url = f"{scheme}://{HOST}:{daemons.port('pop3', way)}/"
    listing = tools(*base, url).split()
    assert listing[1::2] == [str(len(message)) for message in stored]
    tools(*base, url + "3", "-o", "third")
    assert (tmp_path / "third").read_bytes() == stored[2]


@pytest.mark.parametrize("way", WAYS)
def test_fetchmail(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    fetched = fetchmail(daemons, login, tools, "pop3", way, tmp_path)
    assert digests(fetched) == digests(lf(stored))
    assert login.stored() == []


@pytest.mark.parametrize("way", ["plain", "implicit"])  # getmail6 knows no STLS
def test_getmail(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    assert digests(getmail(daemons, login, tools, "pop3", way, tmp_path)) == digests(lf(stored))
    send(daemons, login, [mail("one more")])
    fetched = getmail(daemons, login, tools, "pop3", way, tmp_path)
    assert len(fetched) == len(stored) + 1  # the UIDLs told it what it had
    assert len(login.stored()) == len(stored) + 1


def test_two_programs_at_once_each_on_its_snapshot(
    daemons: Daemons, login: Login, context: ssl.SSLContext
) -> None:
    """An office PC and a phone poll the same mailbox; neither is turned away, neither disturbs the other."""
    stored = seed(daemons, login)
    office = connect(daemons, login, "implicit", context)
    phone = connect(daemons, login, "implicit", context)
    send(daemons, login, [mail("while they are at it")])
    assert office.stat()[0] == phone.stat()[0] == len(stored)
    office.dele(2)
    office.quit()
    assert phone.stat()[0] == len(stored)
    assert retrieve(phone, 1) == stored[0]
    with pytest.raises(poplib.error_proto):
        phone.retr(2)  # gone meanwhile: said, not made up
    phone.dele(2)
    phone.dele(3)
    phone.quit()
    assert login.stored()[:-1] == [stored[0], *stored[3:]]


def test_a_session_that_breaks_off_deletes_nothing_and_locks_nothing(
    daemons: Daemons, login: Login, context: ssl.SSLContext
) -> None:
    stored = seed(daemons, login)
    client = connect(daemons, login, "plain", context)
    client.dele(1)
    client.close()
    client = connect(daemons, login, "plain", context)
    assert client.stat()[0] == len(stored) == len(ODD)
    client.quit()
    assert login.stored() == stored

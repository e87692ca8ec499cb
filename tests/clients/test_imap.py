"""Real programs read by IMAP: curl, mbsync, fetchmail, getmail6, neomutt, imaplib and aioimaplib."""

import asyncio
import imaplib
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import aioimaplib
import pytest

from tests.clients.daemons import HOST, Daemons, Login, Tools, needs
from tests.clients.fetching import fetchmail, getmail
from tests.clients.mail import ODD, digests, lf, mail, seed, send
from tests.clients.terminal import in_terminal

WAYS = ("plain", "starttls", "implicit")
SPECIAL = {"Archive", "Drafts", "Junk", "Sent", "Trash"}


def connect(daemons: Daemons, login: Login, way: str, context: ssl.SSLContext) -> imaplib.IMAP4:
    port = daemons.port("imap", way)
    if way == "implicit":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(HOST, port, ssl_context=context, timeout=90)
    else:
        client = imaplib.IMAP4(HOST, port, timeout=90)
        if way == "starttls":
            client.starttls(context)
    client.login(login.address, login.password)
    return client


def ok(answer: tuple[str, list[object]]) -> list[object]:
    assert answer[0] == "OK", answer
    return answer[1]


def bodies(client: imaplib.IMAP4) -> list[bytes]:
    data = ok(client.uid("FETCH", "1:*", "(BODY.PEEK[])"))
    return [item[1] for item in data if isinstance(item, tuple)]


@pytest.mark.parametrize("way", WAYS)
def test_imaplib(daemons: Daemons, login: Login, context: ssl.SSLContext, way: str) -> None:
    stored = seed(daemons, login)
    client = connect(daemons, login, way, context)
    names = {
        bytes(line).split(b'"')[-2 if line.endswith(b'"') else -1].split()[-1] for line in listing(client)
    }
    assert names == {b"INBOX", *(name.encode() for name in SPECIAL)}
    assert ok(client.select("INBOX")) == [str(len(stored)).encode()]
    assert bodies(client) == stored
    assert ok(client.search(None, "SUBJECT", "dots")) == [b"1"]
    ok(client.append("Drafts", r"(\Draft \Seen)", None, ODD["jis"]))
    assert login.stored("Drafts") == [ODD["jis"]]
    ok(client.store("2", "+FLAGS", r"(\Flagged $Work)"))
    ok(client.copy("1:2", "Archive"))
    assert login.stored("Archive") == stored[:2]
    ok(client.store("1", "+FLAGS", r"(\Deleted)"))
    ok(client.expunge())
    assert login.stored() == stored[1:]
    ok(client.create("Work/2026"))
    ok(client.rename("Work/2026", "Work/2027"))
    ok(client.delete("Work/2027"))
    client.logout()


def listing(client: imaplib.IMAP4) -> list[bytes]:
    return [line for line in ok(client.list()) if isinstance(line, bytes)]


@pytest.mark.parametrize("way", WAYS)
def test_curl(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    (tmp_path / "message").write_bytes(ODD["utf-8"])
    scheme = "imaps" if way == "implicit" else "imap"
    base = [
        "curl", "-sS", "--cacert", daemons.demo.ca, *(["--ssl-reqd"] if way == "starttls" else []),
        "--user", f"{login.address}:{login.password}",
    ]  # fmt: skip
    url = f"{scheme}://{HOST}:{daemons.port('imap', way)}/"
    assert all(f"{name}" in tools(*base, url) for name in SPECIAL)
    tools(*base, url + "INBOX;UID=4", "-o", "fourth")
    assert (tmp_path / "fourth").read_bytes() == stored[3]
    tools(*base, url + "Archive", "-T", "message")
    assert login.stored("Archive") == [ODD["utf-8"]]


@pytest.mark.parametrize("way", WAYS)
def test_fetchmail(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    fetched = fetchmail(daemons, login, tools, "imap", way, tmp_path)
    assert digests(fetched) == digests(lf(stored))
    assert login.stored() == []


@pytest.mark.parametrize("way", ["plain", "implicit"])  # getmail6 knows no STARTTLS
def test_getmail(daemons: Daemons, login: Login, tools: Tools, way: str, tmp_path: Path) -> None:
    stored = seed(daemons, login)
    assert digests(getmail(daemons, login, tools, "imap", way, tmp_path)) == digests(lf(stored))
    send(daemons, login, [mail("one more")])
    assert len(getmail(daemons, login, tools, "imap", way, tmp_path)) == len(stored) + 1


@pytest.mark.parametrize("way", WAYS)
def test_mbsync_both_ways(
    daemons: Daemons, login: Login, tools: Tools, context: ssl.SSLContext, way: str, tmp_path: Path
) -> None:
    """All folders; then new mail, flags and deletions, of each side at once."""
    stored = seed(daemons, login)
    rc = mbsyncrc(daemons, login, way, tmp_path)
    tools("mbsync", "-c", rc, "-a")
    local = tmp_path / "Mail" / "INBOX"
    copies = [without_tuid(path.read_bytes()) for path in local.rglob("*,U=*")]
    assert digests(copies) == digests(lf(stored))
    assert {path.name for path in (tmp_path / "Mail").iterdir() if path.is_dir()} == {"INBOX", *SPECIAL}

    (tmp_path / "Mail" / "Archive" / "new" / "1.local.host").write_bytes(lf([ODD["jis"]])[0])
    seen = next(path for path in local.rglob("*,U=3*"))
    seen.rename(local / "cur" / (seen.name.partition(":")[0] + ":2,FS"))
    next(path for path in local.rglob("*,U=5*")).unlink()
    client = connect(daemons, login, "plain", context)
    ok(client.select("INBOX"))
    ok(client.store("1", "+FLAGS", r"(\Answered)"))
    ok(client.store("6", "+FLAGS", r"(\Deleted)"))
    ok(client.expunge())
    send(daemons, login, [mail("new on the server")])
    tools("mbsync", "-c", rc, "-a")

    ok(client.noop())
    assert ok(client.search(None, "SEEN", "FLAGGED")) == [b"3"]
    there = login.stored()
    assert len(there) == len(stored) - 2 + 1
    copies = [without_tuid(path.read_bytes()) for path in local.rglob("*,U=*")]
    assert digests(copies) == digests(lf(there))
    assert any(":2,R" in path.name for path in local.rglob("*,U=1[:,]*"))
    (archived,) = login.stored("Archive")
    assert without_tuid(archived) == ODD["jis"]
    client.logout()


def mbsyncrc(daemons: Daemons, login: Login, way: str, folder: Path) -> Path:
    tls = {"plain": "None", "starttls": "STARTTLS", "implicit": "IMAPS"}[way]
    trust = "" if way == "plain" else f"CertificateFile {daemons.demo.ca}\nSystemCertificates no\n"
    (folder / "Mail").mkdir()
    rc = folder / "mbsyncrc"
    rc.write_text(
        f"IMAPAccount a\nHost {HOST}\nPort {daemons.port('imap', way)}\nUser {login.address}\n"
        f"Pass {login.password}\nSSLType {tls}\n{trust}AuthMechs PLAIN LOGIN\n\n"
        "IMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {folder}/Mail/\nInbox {folder}/Mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    return rc


def without_tuid(message: bytes) -> bytes:
    """mbsync marks what it copies with a field of its own."""
    return re.sub(rb"^X-TUID:.*\r?\n", b"", message, flags=re.MULTILINE)


def test_neomutt_reads_flags_and_moves(daemons: Daemons, login: Login, tmp_path: Path) -> None:
    """A person at a terminal: open the inbox, read, flag, move one to Archive, delete one, leave."""
    needs("neomutt")
    stored = seed(daemons, login)
    rc = tmp_path / "rc"
    rc.write_text(
        f'set folder="imaps://{HOST}:{daemons.port("imap", "implicit")}/"\nset spoolfile="+INBOX"\n'
        f'set imap_user="{login.address}"\nset imap_pass="{login.password}"\n'
        f'set ssl_ca_certificates_file="{daemons.demo.ca}"\n'
        "set confirmappend=no\nset delete=yes\nset move=no\nset mark_old=no\nset sort=mailbox-order\n"
        'set wait_key=no\nset trash=""\n'
        'push "1<enter><display-message><exit>2<enter><flag-message>'
        '3<enter><save-message>+Archive<enter>4<enter><delete-message><sync-mailbox><quit>"\n'
    )
    in_terminal(["neomutt", "-n", "-F", str(rc)], tmp_path)
    assert login.stored("Archive") == [stored[2]]
    assert login.stored() == [*stored[:2], *stored[4:]]
    flags = [path.name.partition(":2,")[2] for path in login.files()]
    assert flags[0] == "S" and flags[1] == "F"


@pytest.mark.parametrize("way", ["plain", "implicit"])  # aioimaplib knows no STARTTLS
async def test_new_mail_reaches_an_idle_client(
    daemons: Daemons, login: Login, context: ssl.SSLContext, way: str
) -> None:
    """aioimaplib waits in IDLE; the message is there at once: no look around, each 5 s and more, is waited for."""
    port = daemons.port("imap", way)
    if way == "implicit":
        client: aioimaplib.IMAP4 = aioimaplib.IMAP4_SSL(HOST, port, timeout=60, ssl_context=context)
    else:
        client = aioimaplib.IMAP4(HOST, port, timeout=60)
    await client.wait_hello_from_server()
    assert (await client.login(login.address, login.password)).result == "OK"
    assert (await client.select("INBOX")).result == "OK"
    idle = await client.idle_start(timeout=90)
    await asyncio.to_thread(send, daemons, login, [mail("to the idle one")])
    accepted = time.monotonic()
    while not any(line.endswith(b"EXISTS") for line in await client.wait_server_push(30)):
        pass
    assert time.monotonic() - accepted < 25, "told, and not found by a look of its own"
    client.idle_done()
    await asyncio.wait_for(idle, 30)
    answer = await client.fetch("1", "(RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    assert answer.result == "OK" and b"to the idle one" in b"".join(answer.lines)
    await client.logout()


def test_two_clients_see_each_others_changes(daemons: Daemons, login: Login, context: ssl.SSLContext) -> None:
    seed(daemons, login)
    first = connect(daemons, login, "implicit", context)
    second = connect(daemons, login, "plain", context)
    ok(first.select("INBOX"))
    ok(second.select("INBOX"))
    ok(first.store("1", "+FLAGS", r"(\Deleted)"))
    ok(first.expunge())
    ok(first.append("INBOX", None, None, ODD["empty"]))
    ok(second.noop())
    assert second.response("EXPUNGE")[1] == [b"1"]
    assert second.response("EXISTS")[1][-1] == str(len(ODD)).encode()
    for client in (first, second):
        client.logout()


def test_suspended_and_wrong_passwords_look_alike(
    daemons: Daemons, accounts: Callable[..., Login], context: ssl.SSLContext
) -> None:
    suspended, open_ = accounts("s", "suspended: true\n"), accounts("o")
    wrong = Login(open_.address, "wrong", open_.folder)
    nobody = Login("nobody@example.test", "wrong", open_.folder)
    answers = set()
    for login in (suspended, wrong, nobody):
        with pytest.raises(imaplib.IMAP4.error) as refused:
            connect(daemons, login, "implicit", context)
        answers.add(str(refused.value))
    assert len(answers) == 1

"""More programs that read by IMAP: offlineimap both ways, and those that scripts use, imapclient and imap-tools.

Each finds out by itself what the server can do, and uses what it likes of that.
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.daemons import HOST, Daemons, Login, Tools, needs
from tests.clients.mail import ODD, digests, lf, mail, seed, send

imapclient = pytest.importorskip("imapclient", reason="imapclient is not installed (make test)")
imap_tools = pytest.importorskip("imap_tools", reason="imap-tools is not installed (make test)")


def offlineimaprc(daemons: Daemons, login: Login, folder: Path) -> Path:
    rc = folder / "offlineimaprc"
    rc.write_text(
        f"[general]\naccounts = a\nmetadata = {folder}/meta\nui = quiet\n"
        "[Account a]\nlocalrepository = near\nremoterepository = far\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {folder}/Mail\n"
        f"[Repository far]\ntype = IMAP\nremotehost = {HOST}\nremoteport = {daemons.port('imap', 'implicit')}\n"
        f"remoteuser = {login.address}\nremotepass = {login.password}\nssl = yes\n"
        f"sslcacertfile = {daemons.demo.ca}\n"
    )
    return rc


def test_offlineimap_both_ways(daemons: Daemons, login: Login, tools: Tools, tmp_path: Path) -> None:
    """All folders; then new mail, flags and deletions, of each side at once."""
    needs("offlineimap")
    stored = seed(daemons, login)
    (tmp_path / "Mail").mkdir()
    rc = offlineimaprc(daemons, login, tmp_path)
    tools("offlineimap", "-c", rc, "-o")
    inbox = tmp_path / "Mail" / "INBOX"
    copies = sorted(path for place in ("cur", "new") for path in (inbox / place).iterdir())
    assert digests(path.read_bytes() for path in copies) == digests(lf(stored))

    seen, gone = (next(path for path in copies if f",U={uid}," in path.name) for uid in (1, 2))
    seen.rename(inbox / "cur" / (seen.name.partition(":")[0] + ":2,FS"))
    gone.unlink()
    (tmp_path / "Mail" / "Archive" / "new" / "1.local.host").write_bytes(lf([ODD["jis"]])[0])
    with imapclient.IMAPClient(HOST, daemons.port("imap", "plain"), ssl=False, timeout=90) as client:
        client.login(login.address, login.password)
        client.select_folder("INBOX")
        client.add_flags([3], [imapclient.ANSWERED])
        client.delete_messages([4])
        client.expunge([4])
        send(daemons, login, [mail("new on the server")])
        tools("offlineimap", "-c", rc, "-o")
        client.noop()
        assert client.search(["SEEN", "FLAGGED"]) == [1]
        assert len(client.search("ALL")) == len(stored) - 2 + 1
    copies = [path for place in ("cur", "new") for path in (inbox / place).iterdir()]
    assert digests(path.read_bytes() for path in copies) == digests(lf(login.stored()))
    answered = [path.name for place in ("cur", "new") for path in (inbox / place).glob("*,U=3,*")]
    assert [name.rpartition(":2,")[2] for name in answered] == ["R"]
    (archived,) = login.stored("Archive")
    # it marks what it copies with a field of its own
    assert ODD["jis"].partition(b"\r\n\r\n")[2] == archived.partition(b"\r\n\r\n")[2]


def test_imapclient(daemons: Daemons, accounts: Callable[..., Login], context: ssl.SSLContext) -> None:
    taro, hanako = accounts("taro"), accounts("hanako")
    stored = seed(daemons, taro)
    with imapclient.IMAPClient(
        HOST, daemons.port("imap", "implicit"), ssl_context=context, timeout=90
    ) as client:
        client.login(taro.address, taro.password)
        assert client.namespace().personal == (("", "/"),)
        assert client.find_special_folder(imapclient.imapclient.SENT) == "Sent"
        client.create_folder("会議/2024")
        client.subscribe_folder("会議/2024")
        assert (b"\\HasNoChildren",) in [
            flags for flags, _, name in client.list_folders() if name == "会議/2024"
        ]
        chosen = client.select_folder("INBOX")
        assert chosen[b"EXISTS"] == len(stored)
        fetched = client.fetch(client.search(), ["BODY.PEEK[]", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE"])
        assert [fetched[uid][b"BODY[]"] for uid in sorted(fetched)] == stored
        assert client.sort("SUBJECT") and client.thread("REFERENCES")
        client.add_flags([1, 2], [imapclient.FLAGGED, "$Work"])
        client.copy([1], "会議/2024")
        client.move([2], "会議/2024")
        assert taro.stored("会議/2024") == stored[:2]
        modseq = max(each[b"MODSEQ"][0] for each in client.fetch(client.search(), ["MODSEQ"]).values())
        client.add_flags([4], [imapclient.SEEN])
        changed = client.fetch(client.search(), ["FLAGS"], [f"CHANGEDSINCE {modseq}"])
        assert list(changed) == [4]
        client.idle()
        send(daemons, taro, [mail("while it idles")])
        heard: list[Any] = []
        while not any(b"EXISTS" in line for line in heard):
            heard += client.idle_check(timeout=60)
        client.idle_done()
        client.delete_messages([3])
        client.expunge([3])
        assert 3 not in client.search()
        assert client.folder_status("INBOX", ["MESSAGES"])[b"MESSAGES"] == len(stored) - 1
        assert client.get_quota()[0].resource == "STORAGE"
        client.setacl("会議/2024", hanako.address, "lr")
        assert (hanako.address, "lr") in [(who.decode(), rights.decode()) for who, rights in _acl(client)]
    with imapclient.IMAPClient(
        HOST, daemons.port("imap", "implicit"), ssl_context=context, timeout=90
    ) as client:
        client.login(hanako.address, hanako.password)
        shared = f"Other Users/{taro.local}/会議/2024"
        assert shared in [name for _, _, name in client.list_folders()]
        assert client.select_folder(shared, readonly=True)[b"EXISTS"] == 2


def _acl(client: Any) -> list[tuple[bytes, bytes]]:
    """GETACL by hand: imapclient only sets rights."""
    kind, data = client._imap.getacl('"&TxqLcA-/2024"')
    assert kind == "OK"
    words = data[0].split()[1:]
    return list(zip(words[::2], words[1::2], strict=True))


def test_imap_tools(daemons: Daemons, login: Login, context: ssl.SSLContext) -> None:
    stored = seed(daemons, login)
    box = imap_tools.MailBox(HOST, daemons.port("imap", "implicit"), timeout=30, ssl_context=context)
    with box.login(login.address, login.password) as mailbox:
        assert {each.name for each in mailbox.folder.list()} >= {"INBOX", "Sent", "Trash"}
        found = list(mailbox.fetch(mark_seen=False, bulk=True))
        assert [len(each.obj.as_bytes()) > 0 for each in found] == [True] * len(stored)
        jis = next(each for each in found if each.subject == "日本")
        assert "日本語の本文です" in jis.text
        assert [each.subject for each in mailbox.fetch(imap_tools.AND(subject="日本"), charset="UTF-8")] == [
            "日本"
        ]
        mailbox.flag([jis.uid], imap_tools.MailMessageFlags.FLAGGED, True)
        assert [each.uid for each in mailbox.fetch(imap_tools.AND(flagged=True), headers_only=True)] == [
            jis.uid
        ]
        mailbox.folder.create("仕事")
        mailbox.move([jis.uid], "仕事")
        assert mailbox.folder.status("仕事")["MESSAGES"] == 1
        mailbox.append(ODD["dots"], "仕事", flag_set=[imap_tools.MailMessageFlags.SEEN])
        assert login.stored("仕事")[-1] == ODD["dots"]
        with mailbox.idle as idle:
            send(daemons, login, [mail("while it idles")])
            assert any(b"EXISTS" in line for line in idle.poll(timeout=60))
        mailbox.delete([each.uid for each in mailbox.fetch(imap_tools.AND(all=True), headers_only=True)])
        assert login.stored() == []

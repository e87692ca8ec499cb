"""Who gets the name of a deleted account gets none of its rights in others' mailboxes; who comes back has them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config import edit
from config.load import load_settings
from storage import admin, admin_deleted, admin_domains, tree
from storage.account_files import AccountFiles
from storage.admin import AccountChange
from storage.admin_domains import DomainChange
from storage.people.directory import Directory
from storage.sharing import Sharing

DOMAIN = "example.test"
TARO, HANAKO = f"taro@{DOMAIN}", f"hanako@{DOMAIN}"
SHARED = """\
# what the sales people read
share:
  INBOX:
    hanako: lrs
    anyone: l
  Work: {hanako@example.test: lr}
comment: 営業部
"""


class House:
    """Taro's INBOX and Work, which Hanako may read by his file, and write in (INBOX) by SETACL."""

    def __init__(self, root: Path) -> None:
        file = root / "kwcmaild.yaml"
        file.write_text("hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\n")
        for folder in ("data", "data/state", "run", "domains"):
            (root / folder).mkdir()
        settings = load_settings(file)
        self.directory = Directory(settings, lambda: 1_800_000_000.0)
        admin_domains.add_domain(self.directory, DOMAIN, DomainChange())
        for address in (TARO, HANAKO):
            self.add(address)
        self.taros = settings.domains / DOMAIN / "accounts/taro.yaml"
        self.taros.write_text(self.taros.read_text() + SHARED)
        self.sharing = Sharing(
            settings.data, self.directory, lambda address: closing(AccountFiles(settings.data, address))
        )
        with closing(AccountFiles(settings.data, TARO)) as files:
            tree.create(files, "Work")
        self.sharing.grant(TARO, "INBOX", HANAKO, lambda had: had + "w")
        assert self.rights("INBOX") == "lrsw"

    def add(self, address: str) -> None:
        admin.add_account(self.directory, address, AccountChange())

    def rights(self, mailbox: str) -> str:
        return self.sharing.rights(TARO, mailbox, HANAKO)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.sharing.close()
    house.directory.close()


def test_a_successor_has_no_rights(house: House) -> None:
    admin_deleted.delete(house.directory, HANAKO)
    assert "hanako" not in house.taros.read_text()
    house.add(HANAKO)
    assert house.rights("INBOX") == "l", "what everybody has"
    assert house.sharing.granted(TARO, "INBOX") == {"anyone": "l"}
    house.sharing.grant(TARO, "INBOX", HANAKO, lambda had: had + "r")
    assert house.rights("INBOX") == "lr", "and not what the other one had"


def test_who_is_undeleted_has_them_again(house: House) -> None:
    admin_deleted.delete(house.directory, HANAKO)
    assert house.rights("INBOX") == "l"
    house.taros.write_text(house.taros.read_text().replace("営業部", "総務部"))
    admin_deleted.undelete(house.directory, HANAKO)
    assert house.rights("INBOX") == "lrsw"
    assert house.rights("Work") == "lr"
    text = house.taros.read_text()
    assert "# what the sales people read" in text and "総務部" in text


def test_what_was_given_anew_meanwhile_stays(house: House) -> None:
    admin_deleted.delete(house.directory, HANAKO)
    house.taros.write_text(edit.edit(house.taros.read_text(), {("share", "Work", HANAKO): "l"}))
    admin_deleted.undelete(house.directory, HANAKO)
    assert house.rights("Work") == "l"


@pytest.mark.parametrize("keep_mail", [False, True])
def test_by_command(house: House, keep_mail: bool) -> None:
    """An account whose mail stays for one of the same name is the same account."""
    admin.delete_account(house.directory, HANAKO, keep_mail=keep_mail)
    house.add(HANAKO)
    assert house.rights("INBOX") == ("lrsw" if keep_mail else "l")


def test_a_mailbox_below_gives_to_the_same_people(house: House) -> None:
    house.sharing.inherit(TARO, "Work", "INBOX")
    admin_deleted.delete(house.directory, HANAKO)
    house.add(HANAKO)
    assert house.rights("Work") == ""


def test_a_deletion_that_was_cut_off_takes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is still there, and timed work gives it back what was taken."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(edit, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            admin_deleted.delete(house.directory, HANAKO)
    assert house.rights("INBOX") == "lw"
    admin_deleted.sweep(house.directory)
    assert house.rights("INBOX") == "lrsw"

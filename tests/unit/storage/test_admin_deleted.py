"""Accounts that are deleted and had back, app passwords and second factors in their files, and the roster."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config.account import TwoFactor
from config.load import load_account, load_settings
from config.units import GIB
from storage import admin, admin_deleted, admin_domains, admin_secrets
from storage.admin import AccountChange
from storage.admin_domains import DomainChange
from storage.admin_files import Missing, Refused
from storage.layout import account_dir
from storage.people import passwords, roster
from storage.people.directory import Directory
from storage.people.lockout import Lockout
from storage.people.roster import Roster, Wanted

TARO = "taro@example.test"


class House:
    def __init__(self, root: Path) -> None:
        self.now = 1_800_000_000.0
        file = root / "kwcmaild.yaml"
        file.write_text("hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\n")
        for folder in ("data", "run", "domains"):
            (root / folder).mkdir()
        self.settings = load_settings(file)
        self.directory = Directory(self.settings, lambda: self.now)
        self.roster = Roster(self.settings.data / "state")
        admin_domains.add_domain(self.directory, "example.test", DomainChange())

    def add(self, local: str, **change: object) -> str:
        address = f"{local}@example.test"
        admin.add_account(self.directory, address, AccountChange(**change))  # type: ignore[arg-type]
        return address

    def mail(self, address: str, name: str) -> Path:
        """A message of the account, as far as this room looks."""
        folder = account_dir(self.settings.data, address)
        (folder / "Maildir/cur").mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
        (folder / "Maildir/cur" / name).write_text("Subject: x\r\n\r\n")
        return folder / "Maildir/cur" / name

    def names(self, **wanted: object) -> list[str]:
        lines, total = self.roster.lines("example.test", Wanted(**wanted))  # type: ignore[arg-type]
        assert total >= len(lines)
        return [line.local for line in lines]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.roster.close()
    house.directory.close()


# ---- deleted and had back


def test_deleted_account_is_nobody_and_comes_back_as_it_was(house: House) -> None:
    house.add("taro", comment="営業部", quota=2 * GIB, password="himitsu-desu")
    path = house.directory.files.domains / "example.test/accounts/taro.yaml"
    text = path.read_text() + "# by hand\n"
    path.write_text(text)
    message = house.mail(TARO, "1.a.x,S=1,U=1:2,")
    admin_deleted.delete(house.directory, TARO)
    assert house.directory.lookup(TARO) is None
    assert not message.exists()
    assert house.names() == []
    [gone] = admin_deleted.deleted(house.directory, "example.test")
    assert (gone.address, gone.comment, gone.quota) == (TARO, "営業部", 2 * GIB)
    assert gone.until - gone.at == 7 * 86_400
    admin_deleted.undelete(house.directory, TARO)
    assert path.read_text() == text
    assert message.exists()
    assert house.directory.account(TARO) is not None
    assert not admin_deleted.deleted(house.directory, "example.test")
    assert house.names() == ["taro"]


def test_a_new_account_of_the_same_name_has_none_of_the_mail(house: House) -> None:
    house.add("taro")
    message = house.mail(TARO, "1.a.x,S=1,U=1:2,")
    admin_deleted.delete(house.directory, TARO)
    house.add("taro")
    assert not message.parent.exists()
    with pytest.raises(Refused, match="is an account already"):
        admin_deleted.undelete(house.directory, TARO)


def test_what_is_back_must_fit_into_the_contract(house: House) -> None:
    house.add("taro", quota=60 * GIB)
    admin_deleted.delete(house.directory, TARO)
    house.add("hanako", quota=50 * GIB)
    with pytest.raises(Refused, match="100G"):
        admin_deleted.undelete(house.directory, TARO)


def test_kept_for_seven_days_and_no_longer(house: House) -> None:
    house.add("taro")
    house.mail(TARO, "1.a.x,S=1,U=1:2,")
    admin_deleted.delete(house.directory, TARO)
    house.now += 6.9 * 86_400
    assert admin_deleted.sweep(house.directory) == 0
    house.now += 0.2 * 86_400
    assert admin_deleted.sweep(house.directory) == 1
    assert not admin_deleted.deleted(house.directory, "example.test")
    assert [each.name for each in (house.settings.data / "mail/example.test").iterdir()] == []
    with pytest.raises(Refused, match="was not deleted within"):
        admin_deleted.undelete(house.directory, TARO)


def test_removed_at_once_where_that_is_wanted(house: House) -> None:
    house.add("taro")
    house.mail(TARO, "1.a.x,S=1,U=1:2,")
    admin_deleted.delete(house.directory, TARO)
    admin_deleted.remove_deleted(house.directory, TARO)
    assert list((house.settings.data / "mail/example.test").iterdir()) == []


def test_a_deletion_that_was_cut_off_is_finished(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.add("taro")
    message = house.mail(TARO, "1.a.x,S=1,U=1:2,")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(admin_deleted, "_move_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            admin_deleted.delete(house.directory, TARO)
    assert message.exists()
    admin_deleted.sweep(house.directory)
    assert not message.exists()
    assert [each.address for each in admin_deleted.deleted(house.directory, "example.test")] == [TARO]


def test_an_undeletion_that_was_cut_off_leaves_the_account_alone(house: House) -> None:
    house.add("taro")
    message = house.mail(TARO, "1.a.x,S=1,U=1:2,")
    (message.parents[2] / "account.yaml").write_text("quota: 1G\n")
    admin_deleted.sweep(house.directory)
    assert message.exists()
    assert not (message.parents[2] / "account.yaml").exists()


def test_an_administrator_is_not_deleted(house: House) -> None:
    house.add("taro")
    admin_domains.set_domain(house.directory, "example.test", DomainChange(administrators=(TARO,)))
    with pytest.raises(Refused, match="is an administrator"):
        admin_deleted.delete(house.directory, TARO)


# ---- app passwords, second factor


def test_app_password_is_shown_once_and_taken_back_alone(house: House) -> None:
    house.add("taro")
    shown = admin_secrets.add_app_password(house.directory, TARO, "  田中の iPhone ", date(2026, 11, 23))
    admin_secrets.add_app_password(house.directory, TARO, "PC", date(2026, 11, 23))
    path = house.directory.files.domains / "example.test/accounts/taro.yaml"
    kept = load_account(path).app_passwords
    assert [(each.name, each.created) for each in kept] == [
        ("田中の iPhone", date(2026, 11, 23)),
        ("PC", date(2026, 11, 23)),
    ]
    assert passwords.verify_app_password([kept[0].sha256], shown)
    assert shown not in path.read_text()
    with pytest.raises(Refused, match="already"):
        admin_secrets.add_app_password(house.directory, TARO, "PC", date(2026, 11, 23))
    admin_secrets.delete_app_password(house.directory, TARO, "田中の iPhone")
    assert [each.name for each in load_account(path).app_passwords] == ["PC"]
    with pytest.raises(Missing):
        admin_secrets.delete_app_password(house.directory, TARO, "田中の iPhone")


def test_recovery_code_works_once(house: House) -> None:
    house.add("taro")
    codes = ("a" * 64, "b" * 64)
    admin_secrets.set_two_factor(house.directory, TARO, TwoFactor(secret="A" * 32, recovery_codes=codes))
    assert house.names(search="taro") == ["taro"]
    assert house.roster.lines("example.test", Wanted())[0][0].two_factor
    assert admin_secrets.use_recovery_code(house.directory, TARO, "a" * 64)
    assert not admin_secrets.use_recovery_code(house.directory, TARO, "a" * 64)
    assert admin_secrets.use_recovery_code(house.directory, TARO, "b" * 64)
    admin_secrets.set_two_factor(house.directory, TARO, None)
    assert not house.roster.lines("example.test", Wanted())[0][0].two_factor


# ---- roster


def test_roster_is_searched_sorted_and_cut_into_pages(house: House) -> None:
    house.add("taro", comment="営業部 東京", quota=3 * GIB, aliases=("taro.yamada",))
    house.add("hanako", comment="総務部", forward_to=("hana@example.jp",))
    house.add("jiro", comment="100%_営業部", suspended=True, receive=False)
    assert house.names() == ["hanako", "jiro", "taro"]
    assert house.names(descending=True) == ["taro", "jiro", "hanako"]
    assert house.names(sort="quota", descending=True)[0] == "taro"
    for sort in roster.SORTS:
        assert sorted(house.names(sort=sort, descending=True)) == ["hanako", "jiro", "taro"]
    for state in roster.STATES:
        house.names(state=state)
    assert house.names(search="営業部") == ["jiro", "taro"]
    assert house.names(search="営業部 東京") == ["taro"]
    assert house.names(search="YAMADA") == ["taro"]
    assert house.names(search="hana@example.jp") == ["hanako"]
    assert house.names(search="%_") == ["jiro"]
    assert house.names(search="taro@example.test") == ["taro"]
    assert house.names(state="suspended") == house.names(state="not-receiving") == ["jiro"]
    assert house.names(state="forwarding") == ["hanako"]
    assert house.names(among=frozenset({"taro", "nobody"})) == ["taro"]
    lines, total = house.roster.lines("example.test", Wanted(first=2, most=2))
    assert ([line.local for line in lines], total) == (["taro"], 3)
    assert house.roster.lines("example.test", Wanted(first=20, most=2)) == ([], 3)
    totals = house.roster.totals("example.test")
    assert (totals.accounts, totals.given) == (3, 5 * GIB)


def test_roster_follows_files_use_and_logins(house: House) -> None:
    house.add("taro")
    house.add("hanako")
    house.roster.set_use([(TARO, 900 * 1024 * 1024, 7, "stamp")])
    lockout = Lockout(house.settings.data / "state", house.settings.auth, lambda: house.now)
    lockout.succeeded(TARO, "192.0.2.1", "imap")
    house.now += 7200
    lockout.succeeded(TARO, "192.0.2.1", "pop3")
    lockout.close()
    roster.look_at_logins(house.settings.data, house.roster)
    [line] = house.roster.lines("example.test", Wanted(search="taro"))[0]
    assert (line.used, line.messages, line.login_by, line.login_at) == (943718400, 7, "pop3", house.now)
    assert house.names(state="full") == ["taro"]
    assert house.names(state="never") == ["hanako"]
    admin.set_account(house.directory, TARO, AccountChange(comment="x"))
    [line] = house.roster.lines("example.test", Wanted(search="taro"))[0]
    assert (line.comment, line.used) == ("x", 943718400)
    roster.look_at_use(house.settings.data, house.roster, [TARO])  # has no index
    assert house.roster.totals("example.test").used == 0
    admin_domains.delete_domain(house.directory, "example.test", with_accounts=True, keep_mail=False)
    assert house.names() == []

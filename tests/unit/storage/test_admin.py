"""Making, changing and deleting accounts and domains."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from config import edit
from config.account import Autoreply
from config.check import check
from config.load import load_account, load_settings
from config.settings import Settings
from config.units import GIB, TIB
from storage import admin, admin_domains
from storage.admin import AccountChange, Refused
from storage.admin_domains import DomainChange
from storage.people import passwords
from storage.people.directory import AccountEntry, Directory
from storage.people.directory_cache import Name
from storage.people.lockout import Lockout

TARO = "taro@example.test"


class House:
    """An installation on disk, with the domain example.test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "kwcmaild.yaml"
        self.file.write_text("hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\n")
        for folder in ("data", "run", "domains"):
            (root / folder).mkdir()
        self.directory = Directory(load_settings(self.file))
        self.other = Directory(load_settings(self.file))  # another process
        admin_domains.add_domain(self.directory, "example.test", DomainChange())

    def path(self, local: str, domain: str = "example.test") -> Path:
        return self.root / f"domains/{domain}/accounts/{local}.yaml"

    def add(self, local: str, **change: object) -> None:
        admin.add_account(self.directory, f"{local}@example.test", AccountChange(**change))  # type: ignore[arg-type]

    def set(self, local: str, **change: object) -> None:
        admin.set_account(self.directory, f"{local}@example.test", AccountChange(**change))  # type: ignore[arg-type]

    def problems(self) -> list[str]:
        """What `kwcmaild check` says about the domains."""
        return [str(one) for one in check(self.file) if "domains" in str(one.file)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.directory.close()
    house.other.close()


def test_the_longest_domain_there_is(house: House) -> None:
    name = ".".join([*["a" * 63] * 3, "b" * 58, "jp"])
    assert len(name) == 253
    admin_domains.add_domain(house.directory, name, DomainChange())
    admin.add_account(house.directory, f"taro@{name}", AccountChange())
    admin.set_account(house.directory, f"taro@{name}", AccountChange(quota=2 * GIB))
    assert admin.show_account(house.directory, f"taro@{name}").used is None
    admin_domains.delete_domain(house.directory, name, with_accounts=True, keep_mail=False)
    assert not house.directory.is_local(name)


# ---- accounts


def test_a_new_account_counts_at_once_everywhere_and_is_right(house: House) -> None:
    made = admin.add_account(
        house.directory,
        "Taro@Example.TEST",
        AccountChange(
            password="correct horse",
            quota=5 * GIB,
            comment="営業部: #1",
            aliases=("Taro.Yamada",),
            to_junk=True,
        ),
    )
    assert (made.address, made.quota, made.comment, made.problem) == (TARO, 5 * GIB, "営業部: #1", None)
    file = load_account(house.path("taro"))
    assert isinstance(file.password, str)
    assert passwords.verify(file.password, "correct horse")
    assert (file.scram_sha_256 or "").startswith("SCRAM-SHA-256$")
    assert (file.aliases, file.spam.to_junk, file.spam.tag_subject) == (("taro.yamada",), True, False)
    assert house.path("taro").stat().st_mode & 0o777 == 0o600
    for address in (TARO, "taro.yamada@example.test"):
        found = house.other.lookup(address)
        assert isinstance(found, AccountEntry)
        assert found.address == TARO
    assert house.problems() == []


def test_a_change_leaves_comments_and_all_that_was_not_meant(house: House) -> None:
    text = (
        "# by hand\nquota: 1G   # small\nsend_as: [info@example.test]\nautoreply:\n  enabled: false # never\n"
    )
    house.path("taro").write_text(text)
    house.set("taro", comment="x", forward_to=("a@b.test",), keep_copy=False, quota_messages=10)
    written = house.path("taro").read_text()
    for line in text.splitlines():
        assert line in written
    file = load_account(house.path("taro"))
    assert (file.comment, file.forward.to, file.forward.keep_copy, file.quota_messages) == (
        "x",
        ("a@b.test",),
        False,
        10,
    )
    house.set(
        "taro", forward_to=(), quota_messages=0, autoreply=Autoreply(enabled=True, text="ただいま\n不在です")
    )
    file = load_account(house.path("taro"))
    assert (file.forward.to, file.quota_messages, file.quota) == ((), None, GIB)
    assert (file.autoreply.enabled, file.autoreply.text) == (True, "ただいま\n不在です")


def test_a_new_password_takes_the_place_of_the_old_or_of_a_plain_one(house: House) -> None:
    house.path("taro").write_text("password: {plain: old}  # told by phone\n")
    house.set("taro", password="new one")
    stored = load_account(house.path("taro")).password
    assert isinstance(stored, str)
    assert passwords.verify(stored, "new one")
    assert "plain" not in house.path("taro").read_text()


@pytest.mark.parametrize(
    ("address", "change", "why"),
    [
        ("taro", {}, "full address"),
        ("taro@elsewhere.test", {}, "no domain elsewhere.test"),
        ("taro@日本語.jp", {}, "internationalised"),
        ("taro@xn--wgv71a119e.jp", {}, "internationalised"),
        ("../x@example.test", {}, "before the @"),
        ("a+b@example.test", {}, "before the @"),
        ("new@example.test", {"quota": GIB - 1}, "less than 1G"),
        ("new@example.test", {"quota": TIB + 1}, "more than 1T"),
        ("new@example.test", {"quota": 100 * GIB}, "1G more than the contract's capacity of 100G"),
        ("new@example.test", {"password": ""}, "empty"),
        ("new@example.test", {"password": "a\nb"}, "control character"),
        ("new@example.test", {"aliases": ("new",)}, "own name"),
        ("new@example.test", {"aliases": ("taro",)}, "taro@example.test is an account"),
        ("new@example.test", {"aliases": ("all",)}, "all@example.test is a mailing list"),
        ("new@example.test", {"aliases": ("sales",)}, "sales@example.test is a forward"),
        ("new@example.test", {"aliases": ("t",)}, "t@example.test is an alias of taro@example.test"),
        ("new@example.test", {"aliases": ("a b",)}, "before the @"),
        ("new@example.test", {"forward_to": ("nowhere",)}, "forward.to"),
        ("taro@example.test", {}, "taro@example.test is an account"),
        ("TARO@example.test", {}, "taro@example.test is an account"),
        ("all@example.test", {}, "mailing list"),
        ("sales@example.test", {}, "forward"),
        ("t@example.test", {}, "alias of taro@example.test"),
    ],
)
def test_what_is_refused_is_said_and_leaves_nothing(
    house: House, address: str, change: dict[str, object], why: str
) -> None:
    house.add("taro", aliases=("t",))
    domain = house.root / "domains/example.test"
    (domain / "lists/all.yaml").write_text("owner: taro@example.test\n")
    (domain / "forwards.yaml").write_text("sales: [x@y.test]\n")
    with pytest.raises(Refused, match=why):
        admin.add_account(house.directory, address, AccountChange(**change))  # type: ignore[arg-type]
    assert [path.name for path in (domain / "accounts").iterdir()] == ["taro.yaml"]


def test_the_sum_of_the_limits_stays_within_the_contract(house: House) -> None:
    house.add("taro", quota=60 * GIB)
    house.add("hanako", quota=40 * GIB)
    with pytest.raises(Refused, match="limits of 3 accounts are 101G together, 1G more"):
        house.add("jiro")
    with pytest.raises(Refused, match="1G more than"):
        house.set("taro", quota=61 * GIB)
    house.set("taro", quota=59 * GIB)
    house.add("jiro")
    edit.write(house.path("jiro"), "quota: 50G\n", edit.digest(house.path("jiro").read_text()))
    assert any("more than the contract" in problem for problem in house.problems())  # by hand, past it
    with pytest.raises(Refused, match="more than"):
        house.set("taro", quota=60 * GIB)
    house.set("taro", quota=58 * GIB, comment="less is a step back to what is right")


def test_two_administrators_do_not_share_out_the_last_gigabyte_twice(house: House) -> None:
    house.add("taro", quota=99 * GIB)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def make(directory: Directory, address: str) -> None:
        ready.wait(60)
        try:
            admin.add_account(directory, address, AccountChange(quota=GIB))
            outcomes.append("made")
        except Refused:
            outcomes.append("refused")

    threads = [
        threading.Thread(target=make, args=(house.directory, "a@example.test")),
        threading.Thread(target=make, args=(house.other, "b@example.test")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["made", "refused"]


def test_a_file_changed_meanwhile_by_hand_is_not_written_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add("taro")
    real = edit.edit

    def slowly(text: str, changes: dict[edit.Key, object]) -> str:
        house.path("taro").write_text("quota: 2G\ncomment: by hand\n")
        return real(text, changes)

    monkeypatch.setattr(edit, "edit", slowly)
    with pytest.raises(Refused, match="changed meanwhile") as raised:
        house.set("taro", quota=3 * GIB)
    assert "-comment: by hand" in str(raised.value)
    assert house.path("taro").read_text() == "quota: 2G\ncomment: by hand\n"


def test_a_broken_file_is_shown_as_such_and_not_changed(house: House) -> None:
    house.add("taro")
    house.path("taro").write_text("quotta: 1G\n")
    with pytest.raises(Refused, match="quotta"):
        house.set("taro", comment="x")
    assert house.path("taro").read_text() == "quotta: 1G\n"
    house.path("new").write_text("quotta: 1G\n")
    assert "quotta" in (admin.show_account(house.directory, "new@example.test").summary.problem or "")


def test_deleting_takes_the_account_its_mail_and_its_locks(house: House) -> None:
    house.add("taro", aliases=("t",))
    assert house.other.lookup("t@example.test") is not None
    mail = house.root / "data/mail/example.test/taro/Maildir/cur"
    mail.mkdir(parents=True)
    (mail / "1.M1.host,S=1:2,").write_text("x")
    lockout = Lockout(house.root / "data/state", house.directory.settings.auth, house.directory.clock)
    for number in range(10):
        lockout.failed(TARO, "192.0.2.7", f"guess{number}")
    admin.delete_account(house.directory, TARO, keep_mail=False)
    assert not house.path("taro").exists()
    assert list((house.root / "data/mail/example.test").iterdir()) == []
    assert lockout.locks() == []
    for directory in (house.directory, house.other):
        assert directory.lookup(TARO) is None
        assert directory.lookup("t@example.test") is None
    with pytest.raises(Refused, match="no account"):
        admin.delete_account(house.directory, TARO, keep_mail=False)


def test_mail_that_is_kept_is_there_for_an_account_of_the_same_name(house: House) -> None:
    house.add("taro")
    mail = house.root / "data/mail/example.test/taro/Maildir"
    mail.mkdir(parents=True)
    admin.delete_account(house.directory, TARO, keep_mail=True)
    assert mail.is_dir()
    house.add("taro")
    assert house.other.lookup(TARO) is not None


def test_who_is_needed_is_not_deleted(house: House) -> None:
    house.add("taro")
    admin_domains.set_domain(
        house.directory, "example.test", DomainChange(administrators=(TARO,), catch_all=TARO)
    )
    with pytest.raises(Refused, match="administrator"):
        admin.delete_account(house.directory, TARO, keep_mail=True)
    assert house.path("taro").exists()


def test_show_tells_use_locks_and_logins(house: House) -> None:
    house.add("taro", password="x", quota=2 * GIB)
    lockout = Lockout(house.root / "data/state", house.directory.settings.auth, house.directory.clock)
    lockout.succeeded(TARO, "192.0.2.8", "imap")
    for number in range(10):
        lockout.failed(TARO, "192.0.2.7", f"guess{number}")
    details = admin.show_account(house.directory, "Taro@example.test")
    assert (details.password, details.used) == (True, None)
    assert [(lock.kind, lock.net, lock.failures) for lock in details.locks] == [("pair", "192.0.2.7", 10)]
    assert [(seen.net, seen.protocol) for seen in details.seen] == [("192.0.2.8", "imap")]
    index = house.root / "data/mail/example.test/taro/index.sqlite"
    index.parent.mkdir(parents=True)
    with sqlite3.connect(index) as db:
        db.execute("CREATE TABLE account (used_bytes INTEGER, used_messages INTEGER)")
        db.execute("INSERT INTO account VALUES (12345, 6)")
    db.close()
    assert admin.show_account(house.directory, TARO).used == (12345, 6)
    assert len(admin.unlock(house.directory, TARO)) == 1
    assert lockout.locked(TARO, "192.0.2.7") is None
    assert admin.show_account(house.directory, TARO).locks == ()


def test_an_alias_is_told_whose_it_is(house: House) -> None:
    house.add("taro", aliases=("t",))
    with pytest.raises(Refused, match=r"t@example\.test is an alias of taro@example\.test"):
        admin.show_account(house.directory, "t@example.test")


def test_a_thousand_accounts_are_listed_without_reading_them_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1000):
        house.path(f"user{number:04}").write_text(f"quota: 1G\ncomment: 部署{number}\n")
    assert len(admin.list_accounts(house.directory, "example.test")) == 1000
    monkeypatch.setattr(house.directory, "clock", lambda: 2**33)  # long after: all has settled
    monkeypatch.setattr(house.directory.files, "_clock", lambda: 2**33)
    admin.list_accounts(house.directory, "example.test")
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    accounts = admin.list_accounts(house.other, "example.test")
    assert (len(accounts), accounts[7].address, accounts[7].comment) == (
        1000,
        "user0007@example.test",
        "部署7",
    )


# ---- domains


@pytest.mark.parametrize(
    ("domain", "change", "why"),
    [
        ("日本語.jp", DomainChange(), "internationalised"),
        ("xn--wgv71a119e.jp", DomainChange(), "internationalised"),
        ("example", DomainChange(), "not a full domain name"),
        ("../etc", DomainChange(), "not a domain name"),
        ("Example.test", DomainChange(), "exists already"),
        ("new.test", DomainChange(capacity=50 * GIB), "less than 100G"),
        ("new.test", DomainChange(capacity=150 * GIB), "not a multiple of 100G"),
        ("new.test", DomainChange(capacity=1100 * GIB), "more than 1T"),
        ("new.test", DomainChange(catch_all=TARO), "without accounts"),
    ],
)
def test_domains_that_are_not_made(house: House, domain: str, change: DomainChange, why: str) -> None:
    with pytest.raises(Refused, match=why):
        admin_domains.add_domain(house.directory, domain, change)
    assert house.directory.domains() == {"example.test"}


@pytest.mark.parametrize("capacity", [100 * GIB, 900 * GIB, 1000 * GIB, TIB])
def test_capacities(house: House, capacity: int) -> None:
    made = admin_domains.add_domain(house.directory, "new.test", DomainChange(capacity=capacity))
    assert (made.capacity, made.given, made.accounts) == (capacity, 0, 0)
    assert house.problems() == []
    assert house.other.is_local("new.test")


def test_a_contract_is_not_made_smaller_than_what_was_given_out(house: House) -> None:
    admin_domains.set_domain(house.directory, "example.test", DomainChange(capacity=200 * GIB))
    house.add("taro", quota=150 * GIB)
    with pytest.raises(Refused, match="50G more than"):
        admin_domains.set_domain(house.directory, "example.test", DomainChange(capacity=100 * GIB))
    summary = admin_domains.show_domain(house.directory, "Example.TEST")
    assert (summary.capacity, summary.given, summary.accounts) == (200 * GIB, 150 * GIB, 1)


def test_the_contracts_comments_stay(house: House) -> None:
    path = house.root / "domains/example.test/domain.yaml"
    path.write_text("# 契約 2024-17\ncapacity: 100G # standard\n")
    house.add("taro")
    admin_domains.set_domain(house.directory, "example.test", DomainChange(catch_all="Taro@example.test"))
    assert path.read_text().startswith("# 契約 2024-17\ncapacity: 100G # standard\n")
    assert admin_domains.show_domain(house.directory, "example.test").catch_all == TARO
    admin_domains.set_domain(house.directory, "example.test", DomainChange(catch_all=""))
    assert admin_domains.show_domain(house.directory, "example.test").catch_all is None
    with pytest.raises(Refused, match=r"no account nobody@example\.test"):
        admin_domains.set_domain(
            house.directory, "example.test", DomainChange(administrators=("nobody@example.test",))
        )


def test_deleting_a_domain(house: House) -> None:
    house.add("taro")
    mail = house.root / "data/mail/example.test/taro/Maildir"
    mail.mkdir(parents=True)
    with pytest.raises(Refused, match="still has 1 accounts"):
        admin_domains.delete_domain(house.directory, "example.test", with_accounts=False, keep_mail=True)
    assert house.other.is_local("example.test")
    admin_domains.delete_domain(house.directory, "example.test", with_accounts=True, keep_mail=False)
    assert not house.other.is_local("example.test")
    assert house.other.lookup(TARO) is None
    assert admin_domains.list_domains(house.other) == []
    assert list((house.root / "domains").iterdir()) == []
    assert not mail.parent.parent.exists()


def test_an_operators_domain_is_not_deleted(house: House) -> None:
    house.directory.settings = cast(
        Settings,
        SimpleNamespace(operators=(TARO,), data=house.root / "data", domains=house.root / "domains"),
    )
    with pytest.raises(Refused, match="operates this server"):
        admin_domains.delete_domain(house.directory, "example.test", with_accounts=True, keep_mail=True)


def test_the_names_of_files_are_the_names_that_are_looked_up(house: House) -> None:
    house.add("taro")
    assert Name("account", "example.test", "taro").path(house.root / "domains") == house.path("taro")

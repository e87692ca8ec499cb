"""Making, using and deleting a domain's DKIM keys."""

import stat
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from storage.admin_dkim import add_keys, delete_key, list_keys, use_keys
from storage.admin_files import Refused
from storage.people.directory import Directory
from tests.house import DOMAIN, Site, put


@pytest.fixture
def directory(site: Site) -> Iterator[Directory]:
    made = Directory(site.settings)
    yield made
    made.close()


def used(directory: Directory) -> tuple[str, ...]:
    file = directory.domain(DOMAIN)
    assert file is not None
    return file.dkim_selectors


def test_two_kinds_at_once_and_only_their_owner_reads_them(site: Site, directory: Directory) -> None:
    keys = add_keys(directory, DOMAIN, "k1")
    assert [(key.selector, key.kind, key.used) for key in keys] == [
        ("k1e", "ed25519", True),
        ("k1r", "rsa", True),
    ]
    assert used(directory) == ("k1r", "k1e")
    for key in keys:
        path = site.folder / f"domains/{DOMAIN}/dkim/{key.selector}.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        loaded = load_pem_private_key(path.read_bytes(), None)
        assert isinstance(loaded, Ed25519PrivateKey) == (key.kind == "ed25519")
        assert key.record.startswith(f"v=DKIM1; k={key.kind}; p=")


def test_a_key_is_changed_without_a_gap(site: Site, directory: Directory) -> None:
    put((site.folder / f"domains/{DOMAIN}/domain.yaml"), "# by hand\ncapacity: 100G  # stays\n")
    add_keys(directory, DOMAIN, "old")
    add_keys(directory, DOMAIN, "new", use=False)
    assert used(directory) == ("oldr", "olde")
    use_keys(directory, DOMAIN, ["newr", "newe"])
    assert used(directory) == ("newr", "newe")
    delete_key(directory, DOMAIN, "oldr")
    assert [key.selector for key in list_keys(directory, DOMAIN)] == ["newe", "newr", "olde"]
    delete_key(directory, DOMAIN, "newr")
    assert used(directory) == ("newe",)
    assert "# by hand" in (site.folder / f"domains/{DOMAIN}/domain.yaml").read_text()


def test_what_is_refused_changes_nothing(directory: Directory) -> None:
    add_keys(directory, DOMAIN, "k1")
    for refused in (
        lambda: add_keys(directory, DOMAIN, "k1"),
        lambda: add_keys(directory, DOMAIN, "no good"),
        lambda: add_keys(directory, "elsewhere.example", "k2"),
        lambda: use_keys(directory, DOMAIN, ["k9"]),
        lambda: delete_key(directory, DOMAIN, "k9"),
        lambda: delete_key(directory, DOMAIN, "../accounts/taro"),
    ):
        with pytest.raises(Refused):
            refused()
    assert used(directory) == ("k1r", "k1e")
    assert len(list_keys(directory, DOMAIN)) == 2

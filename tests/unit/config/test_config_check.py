"""All files of an installation held against one another, the contract and the machine."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from config.check import check
from config.machine import filesystem
from kwcmaild.command import application

GOOD: dict[str, str] = {
    "kwcmaild.yaml": """\
hostname: mail.example.jp
operators: [admin@example.jp]
default_domain: example.jp
tls: {certificate: cert.pem, key: key.pem}
""",
    "domains/example.jp/domain.yaml": "administrators: [admin@example.jp]\ncatch_all: taro@example.jp\n",
    "domains/example.jp/accounts/admin.yaml": "quota: 1G\n",
    "domains/example.jp/accounts/taro.yaml": "quota: 5G\naliases: [taro.yamada]\n",
    "domains/example.jp/lists/staff.yaml": "owner: admin@example.jp\nmembers: [taro@example.jp]\n",
    "domains/example.jp/forwards.yaml": "sales: taro@example.jp\n",
    # What editors and people leave lying about.
    "domains/example.jp/accounts/.taro.yaml.swp": "x",
    "domains/example.jp/accounts/taro.yaml~": "quota: x\n",
    "domains/example.jp/.git/config": "x",
    "domains/README": "x",
}


def certificate(days: int = 30, since: int = -90) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.jp")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


CERTIFICATE, KEY = certificate()


def install(folder: Path, changes: Mapping[str, str | None]) -> Path:
    """The good installation with some files changed, added or (None) left out; returns its kwcmaild.yaml."""
    for name, text in {**GOOD, **changes}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    (folder / "cert.pem").write_bytes(CERTIFICATE)
    (folder / "key.pem").write_bytes(KEY)
    (folder / "key.pem").chmod(0o600)
    return folder / "kwcmaild.yaml"


def found(folder: Path, changes: Mapping[str, str | None]) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in check(install(folder, changes))]


def test_a_good_installation_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path, {}) == []


HOME = "domains/example.jp/"
TARO = HOME + "accounts/taro.yaml"
SETTINGS = "hostname: mail.example.jp\ntls: {certificate: cert.pem, key: key.pem}\n"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Clashes: account before list before forward before alias.
        ({HOME + "lists/taro.yaml": "owner: admin@example.jp"},
         [HOME + "lists/taro.yaml:1: taro@example.jp is already taken by accounts/taro.yaml"]),
        ({HOME + "forwards.yaml": "\n# info\nTaro: a@example.com\nstaff: a@example.com\n"},
         [HOME + "forwards.yaml:3: Taro: taro@example.jp is already taken by accounts/taro.yaml",
          HOME + "forwards.yaml:4: staff: staff@example.jp is already taken by lists/staff.yaml"]),
        ({TARO: "aliases:\n  - admin\n  - staff\n  - sales\n  - taro\n  - x\n  - X\n"},
         [TARO + ":2: aliases[0]: admin@example.jp is already taken by accounts/admin.yaml",
          TARO + ":3: aliases[1]: staff@example.jp is already taken by lists/staff.yaml",
          TARO + ":4: aliases[2]: sales@example.jp is already taken by forwards.yaml",
          TARO + ":5: aliases[3]: taro is the account's own name",
          TARO + ":7: aliases[5]: x is given a second time"]),
        ({HOME + "accounts/hanako.yaml": "aliases: [x]", TARO: "aliases: [x]"},
         [TARO + ":1: aliases[0]: x@example.jp is already taken by accounts/hanako.yaml"]),
        ({HOME + "forwards.yaml": "info: a@example.com\nInfo: b@example.com\n"},
         [HOME + "forwards.yaml:2: Info: info is given a second time"]),
        # Limits and capacity.
        ({TARO: "comment: x\nquota: 512M\n"},
         [TARO + ":2: quota: 512M is less than 1G, the smallest limit of an account"]),
        ({TARO: "quota: 2T\n", HOME + "domain.yaml": "capacity: 1T"},
         [TARO + ":1: quota: 2T is more than 1T, the largest limit of an account",
          HOME + "domain.yaml:1: capacity: the limits of 2 accounts are 2049G together,"
          " 1025G more than the contract's capacity of 1T"]),
        ({TARO: "quota: 100G\n"},
         [HOME + "domain.yaml:1: capacity: the limits of 2 accounts are 101G together,"
          " 1G more than the contract's capacity of 100G"]),
        ({HOME + "domain.yaml": "capacity: 150G"},
         [HOME + "domain.yaml:1: capacity: 150G is not a multiple of 100G"]),
        ({HOME + "domain.yaml": "capacity: 2T"},
         [HOME + "domain.yaml:1: capacity: 2T is more than 1T, the largest capacity of a contract"]),
        ({HOME + "domain.yaml": "capacity: 50G"},
         [HOME + "domain.yaml:1: capacity: 50G is less than 100G, the smallest capacity of a contract"]),
        ({HOME + "domain.yaml": "capacity: 1000G"}, []),
        ({HOME + "domain.yaml": "capacity: 1T", TARO: "quota: 1T", HOME + "accounts/admin.yaml": None,
          "kwcmaild.yaml": SETTINGS, HOME + "lists/staff.yaml": None}, []),
        # Lists.
        ({HOME + "lists/staff.yaml": "owner: a@b.jp\nmembers: [c@d.jp, C@D.jp]\n"},
         [HOME + "lists/staff.yaml:2: members[1]: c@d.jp is given a second time"]),
        ({HOME + "lists/staff.yaml": "owner: a@b.jp\nmembers:\n" + "".join(f"- m{n}@b.jp\n" for n in range(1000))},
         [HOME + "lists/staff.yaml:2: members: 1001 members with the owner; 1000 are the most"]),
        ({"kwcmaild.yaml": SETTINGS + "service: {lists: 1}", HOME + "lists/more.yaml": "owner: a@b.jp\n"},
         [HOME + "lists:1: 2 lists; 1 are the most in a domain"]),
        # Names.
        ({"domains/日本.jp/domain.yaml": "{}"},
         ['domains/日本.jp:1: "日本.jp": internationalised domain names (Japanese script, or xn--…) are not offered'
          " for mail addresses here"]),
        ({"domains/xn--wgv71a.jp/domain.yaml": "{}"},
         ['domains/xn--wgv71a.jp:1: "xn--wgv71a.jp": internationalised domain names (Japanese script, or xn--…)'
          " are not offered for mail addresses here"]),
        ({"domains/Other.jp/domain.yaml": "{}"},
         ['domains/Other.jp:1: the name must be in lower case: "other.jp"']),
        ({"domains/other.jp/accounts/a.yaml": "quota: 1G"}, ["domains/other.jp/domain.yaml:1: is missing"]),
        ({HOME + "acounts/a.yaml": "{}"}, [HOME + 'acounts:1: is not read (did you mean "accounts"?)']),
        ({HOME + "accounts/a.yml": "{}"}, [HOME + "accounts/a.yml:1: is not read: the name must end in .yaml"]),
        ({HOME + "accounts/a+b.yaml": "quota: 1G"},
         [HOME + 'accounts/a+b.yaml:1: "a+b" cannot stand before the @ of an address here:'
          " letters, digits, _ and -, with single dots between them"]),
        # Who is spoken of must exist.
        ({"kwcmaild.yaml": SETTINGS + "operators:\n  - no@example.jp\ndefault_domain: no.jp\n"},
         ["kwcmaild.yaml:4: operators[0]: there is no account no@example.jp",
          "kwcmaild.yaml:5: default_domain: there is no domain no.jp in {folder}/domains"]),
        ({HOME + "domain.yaml": "administrators: [no@example.jp]\ncatch_all: sales@example.jp\n"},
         [HOME + "domain.yaml:1: administrators[0]: there is no account no@example.jp",
          HOME + "domain.yaml:2: catch_all: there is no account sales@example.jp"]),
        ({HOME + "domain.yaml": "dkim_selectors: [s2026]\n"},
         [HOME + "domain.yaml:1: dkim_selectors[0]: there is no key {folder}/domains/example.jp/dkim/s2026.pem"]),
        ({TARO: "forward: {to: [Taro@example.jp]}"}, [TARO + ":1: forward.to: the account forwards to itself"]),
        # Several files at once, one of them the settings themselves.
        ({"kwcmaild.yaml": "hostnme: x\n", TARO: "quota: x\nrecieve: true\n"},
         ['kwcmaild.yaml:1: hostname: is missing',
          'kwcmaild.yaml:1: hostnme: unknown key (did you mean "hostname"?)',
          TARO + ':1: quota: "x" is not a size: write a whole number and K, M, G or T, such as 100M or 5G',
          TARO + ':2: recieve: unknown key (did you mean "receive"?)']),
        ({"kwcmaild.yaml": SETTINGS + "domains: nowhere\n"},
         ["kwcmaild.yaml:3: domains: there is no folder {folder}/nowhere"]),
    ],
)  # fmt: skip
def test_problems(tmp_path: Path, changes: dict[str, str | None], expected: list[str]) -> None:
    assert found(tmp_path, changes) == [line.replace("{folder}", str(tmp_path)) for line in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hostname: a.jp\ntls: {certificate: no.pem, key: key.pem}\n",
         ["2: tls.certificate: {folder}/no.pem cannot be read: No such file or directory"]),
        ("hostname: a.jp\ntls:\n  certificate: cert.pem\n  key: other.pem\n",
         ["4: tls.key: {folder}/other.pem is not the key of the certificate in {folder}/cert.pem"]),
        ("hostname: a.jp\ntls: {certificate: key.pem, key: key.pem}\n",
         ["2: tls.certificate: {folder}/key.pem is not a certificate in PEM form"]),
        ("hostname: a.jp\ntls: {certificate: old.pem, key: oldkey.pem}\n",
         ["2: tls.certificate: {folder}/old.pem has expired on {expired}"]),
        ("hostname: a.jp\ntls: {certificate: new.pem, key: newkey.pem}\n",
         ["2: tls.certificate: {folder}/new.pem begins only on {begins}"]),
        ("hostname: a.jp\ntls: {certificate: cert.pem}\n",
         ["2: tls: certificate and key are given together or not at all"]),
        ("hostname: a.jp\n", ["1: tls: certificate and key are missing; smtp.listen[0] needs them for TLS"]),
        ("hostname: a.jp\ntls: {certificate: cert.pem, key: open.pem}\n",
         ["2: tls.key: everybody on this machine can read {folder}/open.pem; it should be 0600"]),
        (SETTINGS + "imap: {listen: [{address: 127.0.0.1:143}, {address: 0.0.0.0:110}, {address: '[::]:25'}]}\n",
         ["1: pop3.listen[0]: port 110 is already taken by imap.listen[1]"]),
        (SETTINGS + "metrics: {listen: 127.0.0.1:25}\n",
         ["3: metrics.listen: port 25 is already taken by smtp.listen[0]"]),
        (SETTINGS + "smtp: {listen: [{address: 127.0.0.1:0, mode: mx}, {address: 127.0.0.1:0, mode: mx}]}\n", []),
    ],
)  # fmt: skip
def test_the_machine(tmp_path: Path, text: str, expected: list[str]) -> None:
    for name, (made, key) in {"old": certificate(days=-2), "new": certificate(since=2)}.items():
        (tmp_path / f"{name}.pem").write_bytes(made)
        (tmp_path / f"{name}key.pem").write_bytes(key)
        (tmp_path / f"{name}key.pem").chmod(0o600)
    (tmp_path / "other.pem").write_bytes(certificate()[1])
    (tmp_path / "open.pem").write_bytes(KEY)
    (tmp_path / "other.pem").chmod(0o600)
    (tmp_path / "open.pem").chmod(0o644)
    now = datetime.now(UTC)
    names = {
        "{folder}": str(tmp_path),
        "{expired}": f"{now - timedelta(days=2):%Y-%m-%d}",
        "{begins}": f"{now + timedelta(days=2):%Y-%m-%d}",
    }
    lines = []
    for line in expected:
        for name, value in names.items():
            line = line.replace(name, value)
        lines.append("kwcmaild.yaml:" + line)
    assert found(tmp_path, {"kwcmaild.yaml": text}) == lines


def test_a_network_disk_is_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n"
        f"2 1 0:2 / {tmp_path} rw shared:1 - nfs4 server:/x rw\n"
        f"3 1 0:3 / {tmp_path}/local rw - xfs /dev/sdb1 rw\n"
    )
    assert filesystem(tmp_path / "data" / "mail", mounts) == "nfs4"
    assert filesystem(tmp_path / "local" / "mail", mounts) == "xfs"
    assert filesystem(Path("/var"), mounts) == "ext4"
    assert filesystem(tmp_path, tmp_path / "none") == ""
    assert filesystem(tmp_path) != ""


def test_the_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    path = str(install(tmp_path, {}))
    good = run(application(), ["check", "-c", path])
    assert (good.exit_code, good.output) == (0, "")
    assert run(application(), ["check", "-c", path, "--json"]).output == "[]\n"
    install(tmp_path, {TARO: "\nquota: 1M\n"})
    bad = run(application(), ["check", "-c", path])
    assert bad.exit_code == 1
    assert bad.output.startswith(f"{tmp_path}/{TARO}:2: quota: 1M is less than 1G")
    assert json.loads(run(application(), ["check", "-c", path, "--json"]).output) == [
        {
            "file": f"{tmp_path}/{TARO}",
            "line": 2,
            "key": "quota",
            "problem": "1M is less than 1G, the smallest limit of an account",
        }
    ]
    none = run(application(), ["check", "-c", f"{tmp_path}/none/kwcmaild.yaml"])
    assert none.output == f"{tmp_path}/none/kwcmaild.yaml:1: cannot be read: No such file or directory\n"
    assert none.exit_code == 1


def test_commands_for_editors() -> None:
    run = CliRunner().invoke
    assert json.loads(run(application(), ["config", "schema"]).output)["title"] == "kwcmaild.yaml"
    assert "quota" in json.loads(run(application(), ["config", "schema", "account"]).output)["properties"]
    assert run(application(), ["config", "schema", "nothing"]).exit_code == 2
    assert run(application(), ["config", "reference"]).output.startswith("# Settings")
    assert "hostname: mail.example.jp" in run(application(), ["config", "example"]).output

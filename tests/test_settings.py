"""Every setting has a sentence; what is generated from the settings is current; the design's own files load."""

import ast
import json
import re
from pathlib import Path

import pytest

from config.load import load_account, load_settings
from config.reference import FILES, example, reference, schema, settings_of
from config.settings import Settings

ROOT = Path(__file__).parent.parent

SETTINGS = """\
hostname: mail.example.jp
operators: [admin@example.jp]             # accounts that stand above all domains in the panel
default_domain: null                      # for bare login names
data: /var/lib/kwcmaild
run: /run/kwcmaild
domains: ./domains
log: {level: info, format: text}          # or json
tls: {certificate: cert.pem, key: key.pem, minimum: "1.2", names: {}}
smtp:
  workers: 1
  listen:
    - {address: 0.0.0.0:25, mode: mx}
    - {address: 0.0.0.0:587, mode: submission}          # STARTTLS
    - {address: 0.0.0.0:465, mode: submission, tls: implicit}
  max_message: 100M
imap:
  listen: [{address: 0.0.0.0:143}, {address: 0.0.0.0:993, tls: implicit}]
  max_connections_per_account: 20
pop3:
  listen: [{address: 0.0.0.0:110}, {address: 0.0.0.0:995, tls: implicit}]
web:
  listen: [{address: 0.0.0.0:443, tls: implicit}]
auth: {plaintext_without_tls: never, lock_after: 10, lock_for: 15m}   # or `loopback`
filters:
  sender_auth: {dmarc_reject: true}
  virus: {engine: none}
  spam: {engine: builtin}
queue: {smarthost: null, retry: [5m, 15m, 1h, 4h], give_up: 5d}
metrics: {listen: 127.0.0.1:9464}
resolver: {nameservers: []}               # [] = the system's; ["127.0.0.1:5353"] takes a port
"""

ACCOUNT = """\
password: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"
scram_sha_256: "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy"
app_passwords: []
quota: 5G
comment: 営業部
aliases: [taro.yamada]
send_as: []
forward: {to: [], keep_copy: true}
autoreply: {enabled: false, subject: "", text: "", from: null, until: null}
spam: {tag_subject: false, to_junk: false}
receive: true
suspended: false
"""


@pytest.mark.parametrize("kind", FILES)
def test_every_setting_has_one_sentence(kind: str) -> None:
    for key, field in settings_of(FILES[kind][1]):
        sentence = (field.description or "").strip()
        assert re.fullmatch(r"[A-Z`\d][^\n]+\.", sentence), f"{key}: {sentence!r}"
        assert ".  " not in sentence and len(sentence) < 200, key


@pytest.mark.parametrize(
    ("name", "made", "command"),
    [
        ("reference.md", reference, "kwcmaild config reference > docs/reference.md"),
        ("kwcmaild.example.yaml", example, "kwcmaild config example > docs/kwcmaild.example.yaml"),
    ],
)
def test_generated_files_are_current(name: str, made: "type[reference]", command: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == made(), f"run: {command}"


def test_the_example_loads_and_shows_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "kwcmaild.yaml"
    path.write_text(example())
    as_it_is = load_settings(path)
    path.write_text(re.sub(r"^( *)#(?=[^ #]|  - )", r"\1", example(), flags=re.M))
    uncommented = load_settings(path)
    assert uncommented == as_it_is
    assert uncommented.model_fields_set == set(Settings.model_fields)
    path.write_text("hostname: mail.example.jp\n")
    default = load_settings(path)
    assert default.smtp == as_it_is.smtp
    assert default.service == as_it_is.service


def test_the_files_of_the_design_load(tmp_path: Path) -> None:
    (tmp_path / "kwcmaild.yaml").write_text(SETTINGS)
    settings = load_settings(tmp_path / "kwcmaild.yaml")
    assert settings.domains == tmp_path / "domains"
    assert settings.tls.key == tmp_path / "key.pem"
    assert settings.queue.retry == (300, 900, 3600, 14400)
    assert [(each.port, each.mode, each.tls) for each in settings.smtp.listen] == [
        (25, "mx", "starttls"),
        (587, "submission", "starttls"),
        (465, "submission", "implicit"),
    ]
    (tmp_path / "taro.yaml").write_text(ACCOUNT)
    account = load_account(tmp_path / "taro.yaml")
    assert (account.quota, account.comment, account.aliases) == (5 << 30, "営業部", ("taro.yamada",))


def test_numbers_of_the_service_are_defaults() -> None:
    """What customers are promised, to the number."""
    defaults = {
        f"{kind}:{key}": field.get_default(call_default_factory=True, validated_data={})
        for kind, (_, model) in FILES.items()
        for key, field in settings_of(model)
        if not field.is_required()
    }
    gib, mib, day = 1 << 30, 1 << 20, 86400
    promised = {
        "domain:capacity": 100 * gib,
        "settings:service.capacity_step": 100 * gib,
        "settings:service.capacity_most": 1024 * gib,
        "settings:service.quota_least": gib,
        "settings:smtp.max_message": 100 * mib,
        "settings:imap.max_append": 100 * mib,
        "list:max_message": 5 * mib,
        "settings:service.lists": 200,
        "settings:service.list_members": 1000,
        "settings:service.list_posters": 100,
        "domain:retention.archive_after": 180 * day,
        "domain:retention.trash": 31 * day,
        "account:spam.to_junk": False,
    }
    assert {key: defaults[key] for key in promised} == promised


@pytest.mark.parametrize("kind", FILES)
def test_schema_names_every_key(kind: str) -> None:
    made = schema(kind)
    text = json.dumps(made)
    for key, field in settings_of(FILES[kind][1]):
        assert f'"{key.rpartition(".")[2].removesuffix("[]")}": {{' in text, key
        assert field.description is not None
    if kind == "settings":
        assert made["additionalProperties"] is False
        assert made["$defs"]["Smtp"]["properties"]["max_message"]["default"] == "100M"
        assert made["$defs"]["Queue"]["properties"]["give_up"]["default"] == "5d"


ROOMS = ("kwcmaild", "web", "smtp", "imap", "pop3", "filters", "storage", "net", "config")

# Names that the file format has for work that no room does so far.
UNREAD = (
    "settings:filters",
    "settings:metrics",
    "account:scram_sha_256",
    "account:autoreply",
    "domain:retention",
    "domain:dkim_selectors",
    "list:",
)


def test_no_setting_is_idle() -> None:
    """A setting that nothing reads is a promise that nobody keeps."""
    read = {
        node.attr
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }
    idle = {
        f"{kind}:{key}"
        for kind, (_, model) in FILES.items()
        for key, _ in settings_of(model)
        if key.rpartition(".")[2] not in read
    }
    assert {name for name in idle if not name.startswith(UNREAD)} == set()

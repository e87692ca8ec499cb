"""Every problem of a file, in one run, at its line, with the nearest key that exists."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from config.account import AccountFile, PlainPassword
from config.domain import DomainFile
from config.forwards import ForwardsFile
from config.list import ListFile
from config.load import load_account, load_domain, load_forwards, load_list, load_settings, validate
from config.problem import ConfigError
from config.settings import Settings
from config.tree import MOST_BYTES, Fault, parse, plain

FILE = Path("/etc/kwcmaild/file.yaml")


def problems(model: type[BaseModel], text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(model, text.encode() if isinstance(text, str) else text, FILE)
    assert all(problem.file == FILE for problem in caught.value.problems)
    return [str(problem).removeprefix("/etc/kwcmaild/file.yaml:") for problem in caught.value.problems]


def test_every_problem_at_its_line() -> None:
    text = """\
hostnam: mail.example.jp
data: ./x

smtp:
  max_message: 100X      # no such unit
  max_recipient: 300
  listen:
    - {address: 0.0.0.0, mode: mxx}
    - {address: 0.0.0.0:25, mode: mx, tls: implict}
    - address: 0.0.0.0:587
      mod: submission
  max_hops: 3
imap: {login_timeout: 0, idle_timeout: x}
tls:
  names:
    日本.jp: {certificate: a, ky: b}
    a.example.jp:
operators: [x, y@日本.jp]
queue: {retry: [5m, 0s]}
auth: 3
log: {level: loud, format: 1}
smtp: {}
drain:
"""
    assert problems(Settings, text) == [
        '1: hostnam: unknown key (did you mean "hostname"?)',
        "1: hostname: is missing",
        '5: smtp.max_message: "100X" is not a size: write a whole number and K, M, G or T, such as 100M or 5G',
        '6: smtp.max_recipient: unknown key (did you mean "max_recipients"?)',
        '8: smtp.listen[0].address: "0.0.0.0" has no port: write address and port,'
        " such as 127.0.0.1:25 or [::1]:25",
        '8: smtp.listen[0].mode: must be one of: mx, submission, lmtp (did you mean "mx"?)',
        '9: smtp.listen[1].tls: must be one of: none, starttls, implicit (did you mean "implicit"?)',
        "10: smtp.listen[2].mode: is missing",
        '11: smtp.listen[2].mod: unknown key (did you mean "mode"?)',
        "12: smtp.max_hops: must be at least 100",
        '13: imap.idle_timeout: "x" is not a length of time: write a whole number and s, m, h or d,'
        " such as 30s, 5m, 2h or 31d",
        "13: imap.login_timeout: must be at least 1s",
        '16: tls.names.日本.jp: "日本.jp" is not written in ASCII: an internationalised name has an xn--… form',
        "16: tls.names.日本.jp.key: is missing",
        '16: tls.names.日本.jp.ky: unknown key (did you mean "key"?)',
        "17: tls.names.a.example.jp.certificate: is missing",
        "17: tls.names.a.example.jp.key: is missing",
        '18: operators[0]: "x" is not a full address such as taro@example.jp',
        '18: operators[1]: "日本.jp": internationalised domain names (Japanese script, or xn--…) are not offered'
        " for mail addresses here",
        "19: queue.retry[1]: must be at least 1s",
        "20: auth: must be a mapping of keys to values",
        "21: log.format: must be one of: text, json",
        "21: log.level: must be one of: debug, info, warning, error",
        "22: smtp: is given a second time (first in line 4)",
        "23: drain: nothing is not a length of time: write a whole number and s, m, h or d,"
        " such as 30s, 5m, 2h or 31d",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: is empty"]),
        ("# nothing\n", ["1: is empty"]),
        ("- a\n", ["1: is not a mapping: write `key: value` lines"]),
        ("text\n", ["1: is not a mapping: write `key: value` lines"]),
        ("a: [1\n", ["2: not YAML: did not find expected ',' or ']'"
          " (while parsing a flow sequence that begins in line 1)"]),
        ("quota: 5G\n  receive: true\n", ["2: not YAML: mapping values are not allowed in this context"]),
        ("quota: 5G\n\treceive: true\n", None),
        ("quota: 'x\n", None),
        ("comment: \x07\n", ["1: a character that YAML does not allow: U+0007"]),
        (b"quota: 5G\ncomment: \x93\xfa\x96\x7b\n", ["2: is not UTF-8"]),
        ("quota: 5G\n---\nquota: 6G\n", ["2: a second document begins here; a file holds one"]),
        ("a: &x 1\n", ["1: anchors (&name) and aliases (*name) are not taken here"]),
        ("quota: *x\n", ["1: anchors (&name) and aliases (*name) are not taken here"]),
        ("quota: !!python/tuple [x]\n", ["1: tags (tag:yaml.org,2002:python/tuple) are not taken here"]),
        ("? [a]\n: b\n", ["1: a key is a name, not a list or a mapping"]),
        ("[" * 300_000, ["1: nested deeper than 16 levels"]),
        ("- " * 300_000, ["1: nested deeper than 16 levels"]),
        (b"# " + b"x" * MOST_BYTES, ["1: is larger than 8M"]),
        ("a: [" + "," .join("x" * 250_000) + "]", ["1: more than 200000 values in one file"]),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_no_yaml(text: str | bytes, expected: list[str] | None) -> None:
    found = problems(AccountFile, text)
    assert found == expected if expected else found[0].startswith("2: not YAML")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: {plain: 0123}\n", "0123"),
        ("password: {plain: no}\n", "no"),
        ("password: {plain: 'null'}\n", "null"),
        ('password: {plain: "a: b # c"}\n', "a: b # c"),
    ],
)
def test_text_is_what_is_written(text: str, expected: str) -> None:
    password = validate(AccountFile, text.encode(), FILE).password
    assert isinstance(password, PlainPassword)
    assert password.plain == expected


def test_scalars_of_all_kinds() -> None:
    text = """\
quota: 5368709120
quota_messages: 1000
comment: 2026
receive: no
suspended: True
aliases: [123, no]
autoreply: {from: 2026-12-28, until: "2027-01-04"}
forward:
spam: {}
"""
    account = validate(AccountFile, text.encode(), FILE)
    assert (account.quota, account.quota_messages, account.comment) == (5 << 30, 1000, "2026")
    assert (account.receive, account.suspended, account.aliases) == (False, True, ("123", "no"))
    assert (str(account.autoreply.from_), str(account.autoreply.until)) == ("2026-12-28", "2027-01-04")
    assert account.forward.keep_copy is True


def test_no_secret_is_told() -> None:
    text = """\
password: geheim1
scram_sha_256: geheim2
app_passwords:
  - {name: phone, sha256: geheim3}
  - {name: geheim4}
"""
    found = problems(AccountFile, text)
    assert len(found) == 4
    assert "geheim" not in " ".join(found)
    account = validate(AccountFile, b"password: {plain: geheim}", FILE)
    assert "geheim" not in repr(account)
    assert problems(AccountFile, "password: {plai: geheim}") == [
        '1: password.plai: unknown key (did you mean "plain"?)',
        "1: password.plain: is missing",
    ]


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        (AccountFile, "autoreply: {from: 2026-02-03, until: 2026-01-01}",
         ["1: autoreply: until (2026-01-01) is before from (2026-02-03)"]),
        (AccountFile, "receive: maybe", ["1: receive: must be true or false"]),
        (AccountFile, "aliases: taro", ["1: aliases: must be a list, such as [one, two]"]),
        (AccountFile, "quota_messages: 1.5", ["1: quota_messages: must be a whole number"]),
        (DomainFile, "retention: {trash: 5m}", ["1: retention.trash: must be at least 1d"]),
        (DomainFile, "dkim_selectors: [a.b]",
         ['1: dkim_selectors[0]: "a.b" is not a DKIM selector: letters, digits '
          'and inner hyphens (RFC 6376 §3.1)']),
        (ListFile, "owner: a@example.jp\nposters: [b@example.jp]",
         ["1: posters who are not members: b@example.jp"]),
        (AccountFile, "quota: 2G\nquota: 2G\nspam:\n  to_junk: true\n  to_junk: true\n",
         ["2: quota: is given a second time (first in line 1)",
          "5: spam.to_junk: is given a second time (first in line 4)"]),
        (ForwardsFile, "taro.yamada: []", ["1: taro.yamada: must not be empty"]),
        (ForwardsFile, "info: [a@example.jp, b]",
         ['1: info[1]: "b" is not a mail address such as taro@example.jp']),
        (Settings, "hostname: a.jp\nfilters: {virus: {engine: clamd}}",
         ["2: filters.virus: engine: clamd needs an address"]),
        (Settings, "hostname: a.b\nfilters: {order: [virus, [dnsbl, virus], greylist]}\n",
         ["2: filters: order: sender_auth has to be named once, not 0 times"]),
    ],
)  # fmt: skip
def test_sentences(model: type[BaseModel], text: str, expected: list[str]) -> None:
    assert problems(model, text) == expected


def test_files(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("hostname: mail.example.jp\n")
    (tmp_path / "account").write_text("quota: 2G\n")
    (tmp_path / "domain").write_text("")
    (tmp_path / "list").write_text("owner: a@example.jp\n")
    (tmp_path / "forwards").write_text("\ufeffInfo: a@example.jp\nsales: [b@example.com, c@example.com]\r\n")
    assert load_settings(tmp_path / "settings").domains == tmp_path / "domains"
    assert load_account(tmp_path / "account").quota == 2 << 30
    assert load_domain(tmp_path / "domain").capacity == 100 << 30
    assert load_list(tmp_path / "list").posting == "anyone"
    assert load_forwards(tmp_path / "forwards") == {
        "info": ("a@example.jp",),
        "sales": ("b@example.com", "c@example.com"),
    }
    with pytest.raises(ConfigError, match=r"none:1: cannot be read: No such file"):
        load_account(tmp_path / "none")


@given(
    st.binary(max_size=200)
    | st.text(alphabet="ab:-[]{}\"'|>#&*!? \n\t,%@`\u3042", max_size=80).map(str.encode)
)
def test_any_bytes_give_an_account_or_problems(data: bytes) -> None:
    try:
        validate(AccountFile, data, FILE)
    except ConfigError as error:
        assert error.problems
        lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2\x80") + 2
        assert all(1 <= problem.line <= lines for problem in error.problems)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])))
    )
)
def test_tree_and_values_agree(value: dict[str, list[str]]) -> None:
    import json

    assert plain(parse(json.dumps(value))) == value
    with pytest.raises(Fault):
        parse(json.dumps(value) + "\n[")


def test_reading_an_account_is_cheap(tmp_path: Path) -> None:
    """A change of an account counts at once, so an account is read while a client waits: about 0.3 ms here."""
    path = tmp_path / "taro.yaml"
    path.write_text(
        "quota: 5G\naliases: [a, b]\nforward: {to: [a@example.com]}\nautoreply: {enabled: true}\n"
    )
    load_account(path)
    best = min(_cpu(path) for _ in range(20))
    assert best < 0.005


def _cpu(path: Path) -> float:
    before = time.process_time()
    load_account(path)
    return time.process_time() - before

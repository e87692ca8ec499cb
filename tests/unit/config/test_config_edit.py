"""Changes of single keys: the expected values, and no other byte than was asked for."""

import fcntl
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.edit import REMOVE, Changed, Unchangeable, digest, edit, read_text, remove, write
from config.render import inline, normal, pair
from config.tree import Pairs, parse, plain

ACCOUNT = """\
# 営業部の太郎さん
password: "$argon2id$x"     # set by the panel

quota: 5G  # agreed with Mr. Sato
aliases:    # the old names
  # the one before the marriage
  - taro.suzuki   # until 2027
  - t.y
  # the last
# about forwarding
forward: {to: [a@example.com], keep_copy: true}
autoreply:
  enabled: false   # off
  text: |   # shown to all
    Hello

    # not a comment
  subject: ""
spam: {tag_subject: false,
       # Junk is for IMAP users
       to_junk: false}
# end
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"quota": "6G"}, "quota: 5G  # agreed", "quota: 6G  # agreed"),
        ({"quota": 6}, "quota: 5G  # agreed", "quota: 6  # agreed"),
        ({"quota": "5G"}, "", ""),
        ({"quota": REMOVE}, "quota: 5G  # agreed with Mr. Sato\n", ""),
        ({"comment": "no"}, "# end\n", None),
        ({"forward.keep_copy": False}, "keep_copy: true", "keep_copy: false"),
        (
            {"forward.to": ["b@example.com", "c@example.com"]},
            "[a@example.com]",
            "[b@example.com, c@example.com]",
        ),
        ({"forward": {"to": [], "keep_copy": True}}, "to: [a@example.com]", "to: []"),
        ({"forward.to": REMOVE}, "{to: [a@example.com], keep_copy", "{keep_copy"),
        ({"forward.keep_copy": REMOVE}, ", keep_copy: true", ""),
        ({"aliases": ["taro.suzuki", "t.y", "z"]}, "  - t.y\n", "  - t.y\n  - z\n"),
        ({"aliases": ["a", "taro.suzuki", "t.y"]}, "  # the one", None),
        ({"aliases": ["t.y"]}, "  - taro.suzuki   # until 2027\n", ""),
        ({"autoreply.enabled": True}, "enabled: false ", "enabled: true "),
        (
            {"autoreply.text": "Bye"},
            "|   # shown to all\n    Hello\n\n    # not a comment\n",
            "Bye   # shown to all\n",
        ),
        ({"autoreply.text": "A\n\nB\n"}, "    Hello\n\n    # not a comment\n", "    A\n\n    B\n"),
        (
            {"autoreply.text": "A\nB"},
            "|   # shown to all\n    Hello\n\n    # not a comment\n",
            "|-   # shown to all\n    A\n    B\n",
        ),
        ({"autoreply.until": "2027-01-31"}, '  subject: ""\n', '  subject: ""\n  until: "2027-01-31"\n'),
        ({"spam.to_junk": True}, "to_junk: false", "to_junk: true"),
    ],
)
def test_only_what_was_asked_for_changes(changes: dict[str, Any], old: str, new: str | None) -> None:
    if new is None:
        changed = edit(ACCOUNT, changes)
        added = [line for line in changed.splitlines() if line not in ACCOUNT.splitlines()]
        assert len(added) == 1
        assert changed.replace(added[0] + "\n", "") == ACCOUNT
    else:
        assert edit(ACCOUNT, changes) == ACCOUNT.replace(old, new, 1) if old else ACCOUNT


def test_comments_inside_what_goes_stay() -> None:
    assert edit(ACCOUNT, {"spam": REMOVE}).count("#") == ACCOUNT.count("#")
    changed = edit(ACCOUNT, {"aliases": []})
    assert "aliases: []    # the old names\n  # the one before the marriage\n  # the last\n# about" in changed
    changed = edit(ACCOUNT, {"spam": {"tag_subject": True}})
    assert "# Junk is for IMAP users" in changed


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("", {"a": 1}, "a: 1\n"),
        ("# only words\n", {"a": {"b": 1}}, "# only words\na: {b: 1}\n"),
        ("a: 1", {"b": 2}, "a: 1\nb: 2\n"),
        ("a: 1\r\n", {"b": 2}, "a: 1\r\nb: 2\r\n"),
        ("\ufeffa: 1\n", {"a": 2}, "\ufeffa: 2\n"),
        ("a:\n", {"a": 2}, "a: 2\n"),
        ("a:   # nothing yet\n", {"a.b": 2}, "a: {b: 2}   # nothing yet\n"),
        ("a: 1\n", {"a.b": 2}, "a: {b: 2}\n"),
        ("a:\n  b: 1\n", {"a.b": REMOVE}, "a: {}\n"),
        ("a:\n- x\nb: 1\n", {"a": ["x", "y"]}, "a:\n- x\n- y\nb: 1\n"),
        ("a:\n- x\nb: 1\n", {"a": REMOVE}, "b: 1\n"),
        ("a: |+\n  x\n\nb: 1\n", {"b": REMOVE}, "a: |+\n  x\n\n"),
        ("a: |+\n  x\n\n", {"b": 1}, "a: |+\n  x\n\nb: 1\n"),
        ("a: {}\n", {"a.b": ["x"]}, "a: {b: [x]}\n"),
        ("{a: 1,\n b: 2, # two\n}\n", {"b": 3, "c": 4}, "{a: 1,\n b: 3, c: 4, # two\n}\n"),
        ("taro.yamada: x@a.jp\n", {("taro.yamada",): ["y@a.jp"]}, "taro.yamada: [y@a.jp]\n"),
        ("a: |\n  text\nb:\n  # why\n  - x\n", {"b": REMOVE}, "a: |\n  text\n# why\n"),
        ("a:\n  b:\n    - 1\n    - 2\n# z\n", {"a.b": [2, 3]}, "a:\n  b:\n    - 2\n    - 3\n# z\n"),
        ("a: 1\n", {"b.c": REMOVE, "c": REMOVE}, "a: 1\n"),
    ],
)
def test_shapes(text: str, changes: dict[Any, Any], expected: str) -> None:
    assert edit(text, changes) == expected


def test_a_long_list_is_written_one_item_a_line() -> None:
    members = [f"member{number}@example.jp" for number in range(20)]
    changed = edit("owner: a@example.jp\nmembers: []  # none\n", {"members": members})
    assert changed.count("\n  - member") == 20
    assert plain(parse(changed))["members"] == members


def test_a_broken_text_is_refused() -> None:
    with pytest.raises(Unchangeable, match="line 2"):
        edit("a: [1\n", {"a": 2})


@pytest.mark.parametrize(
    "value", ["no", "1.5", "2026-01-01", "null", "~", "", " x", "a: b", "#x", "\u2028", "\x85", "a\nb"]
)
def test_text_is_still_text_for_another_reader(value: str) -> None:
    import yaml

    assert yaml.safe_load(edit("", {"a": value})) == {"a": value}


# --- Any mapping in any style


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
WORD = st.sampled_from(["a", "b", "c", "quota", "x.y", "no", "12", "営業", "-", "key with blank"])
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), TEXT, WORD)
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3), max_leaves=6
)
MAPPING = st.dictionaries(WORD, VALUE, max_size=5)


def flow(value: Any, draw: Any, indent: int) -> str:
    """A value in brackets, broken over lines here and there, with comments."""
    gap = draw(st.sampled_from(["", " ", f"\n{' ' * (indent + 1)}", f" # flow [, \n{' ' * (indent + 1)}"]))
    if isinstance(value, dict):
        return (
            "{"
            + gap
            + f", {gap}".join(f"{inline(k)}: {flow(v, draw, indent)}" for k, v in value.items())
            + gap
            + "}"
        )
    if isinstance(value, list):
        return "[" + gap + f", {gap}".join(flow(item, draw, indent) for item in value) + gap + "]"
    return inline(value)


def block(value: Any, draw: Any, indent: int) -> list[str]:
    """Lines of a value below its key."""
    lines: list[str] = []
    space = " " * indent
    noise = st.sampled_from([[], [], [f"{space}# words: [here"], [""]])
    if isinstance(value, dict):
        for key, item in value.items():
            lines += draw(noise)
            lines += entry(f"{space}{inline(key)}:", item, draw, indent)
    else:
        for item in value:
            lines += draw(noise)
            lines.append(f"{space}- {inline(item)}" + draw(st.sampled_from(["", "  # item"])))
    return lines


def entry(start: str, value: Any, draw: Any, indent: int) -> list[str]:
    comment = draw(st.sampled_from(["", "", "   # remark"]))
    if value and isinstance(value, dict | list) and draw(st.booleans()):
        deeper = indent + draw(st.sampled_from([1, 2, 4]))
        if isinstance(value, list) and draw(st.booleans()):
            deeper = indent
        return [start + comment, *block(value, draw, deeper)]
    if isinstance(value, str) and draw(st.booleans()):
        lines = pair("k", value, indent)
        return [start + lines[0].lstrip()[2:], *lines[1:]]
    if value is None and draw(st.booleans()):
        return [start + comment]
    return [f"{start} {flow(value, draw, indent)}{comment}"]


@st.composite
def documents(draw: Any) -> tuple[str, dict[str, Any]]:
    values = draw(MAPPING)
    lines = [
        *draw(st.sampled_from([[], ["# head"], ["---"]])),
        *block(values, draw, draw(st.sampled_from([0, 0, 2]))),
    ]
    lines += draw(st.sampled_from([[], ["# tail"], [""]]))
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n"]))
    return (text.replace("\n", "\r\n") if draw(st.booleans()) else text), values


@given(documents(), st.data())
def test_any_change_of_any_document(document: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    text, values = document
    before = plain(parse(text)) or {}
    assert before == normal(values)
    key = data.draw(st.sampled_from(sorted(values)) | WORD) if values else data.draw(WORD)
    path: tuple[str, ...] = (key,)
    if isinstance(values.get(key), dict) and data.draw(st.booleans()):
        path = (key, data.draw(WORD))
    new = data.draw(st.just(REMOVE) | VALUE)
    changed = edit(text, {path: new})
    expected = dict(before)
    if len(path) == 2:
        inner = dict(expected[key])
        if new is REMOVE:
            inner.pop(path[1], None)
        else:
            inner[path[1]] = normal(new)
        expected[key] = inner
    elif new is REMOVE:
        expected.pop(key, None)
    else:
        expected[key] = normal(new)
    assert (plain(parse(changed)) or {}) == expected
    assert_others_untouched(text, changed, key)


def assert_others_untouched(text: str, changed: str, key: str) -> None:
    """What stands before the key's line and after its value is the same, bytes and order."""
    tree = parse(text)
    pairs = tree.pairs if isinstance(tree, Pairs) else []
    starts = [name.start.line for name, _ in pairs]
    lines = text.split("\n")
    if key not in [name.text for name, _ in pairs]:
        rest = iter(changed.split("\n"))
        assert all(any(line.rstrip("\r") == other.rstrip("\r") for other in rest) for line in lines)
        return
    place = [name.text for name, _ in pairs].index(key)
    before = "\n".join(lines[: starts[place]])
    assert changed.startswith(before.rstrip("\r\n"))
    if place + 1 < len(starts):
        assert changed.endswith("\n".join(lines[starts[place + 1] :]))
    comments = [line.strip() for line in lines if line.strip().startswith("#")]
    if not any("|" in line for line in lines):
        rest = iter(line.strip() for line in changed.split("\n"))
        assert all(comment in rest for comment in comments)


# --- Files


def test_write_keeps_mode_and_refuses_what_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "taro.yaml"
    write(path, "a: 1\n", None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    read = read_text(path)
    write(path, "a: 2\n", digest(read))
    assert path.read_text() == "a: 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with pytest.raises(Changed) as caught:
        write(path, "a: 3\n", digest(read))
    assert "-a: 2\n+a: 3" in caught.value.diff
    assert path.read_text() == "a: 2\n"
    with pytest.raises(Changed):
        write(path, "a: 4\n", None)
    with pytest.raises(Changed):
        remove(path, digest(read))
    remove(path, digest("a: 2\n"))
    assert os.listdir(tmp_path) == []


def test_write_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    write(tmp_path / "link.yaml", "a: 2\n", digest("a: 1\n"))
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "a: 2\n"


def test_programs_write_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison and the write are one step for whoever takes the folder's lock."""
    tried: list[bool] = []
    rename = os.rename

    def rename_under_lock(source: Path, target: Path) -> None:
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(True)
        except BlockingIOError:
            tried.append(False)
        finally:
            os.close(folder)
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_under_lock)
    write(tmp_path / "taro.yaml", "a: 1\n", None)
    assert tried == [False]
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "taro.yaml"
    path.write_text("a: 1\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, "a: 2\n", digest("a: 1\n"))
    assert path.read_text() == "a: 1\n"
    assert os.listdir(tmp_path) == ["taro.yaml"]

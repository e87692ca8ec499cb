"""The catalogue is whole: all texts in both languages, all that pages ask for, all refusals translated."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.language import LANGUAGES
from web.pages.programs import PROGRAMS
from web.person import Right
from web.texts import NAMES, TEXTS, refusal, refusals
from web.texts.security import ACTIONS

ROOT = Path(__file__).resolve().parents[3]

# Whoever sees these has no panel: the command line, or the file that an operator edits.
ELSEWHERE = (
    "is below nothing", "cannot be a ", "unix:", "listen on", "has no port", "a port is a number from 0",
    "IPv6 address", "name server", "IP network", "IP address",
)  # fmt: skip


def test_every_text_is_in_both_languages_with_the_same_values() -> None:
    for key, texts in TEXTS.items():
        assert set(texts) == set(LANGUAGES), key
        values = {language: set(re.findall(r"{(\w+)}", text)) for language, text in texts.items()}
        assert values["ja"] == values["en"], key


def test_every_language_has_a_name_and_every_program_its_steps() -> None:
    assert set(NAMES) == set(LANGUAGES)
    for program, count in PROGRAMS:
        assert f"programs.{program}.{count}" in TEXTS
        assert f"programs.{program}.{count + 1}" not in TEXTS


def test_texts_that_templates_name_are_there() -> None:
    named = 0
    for path in sorted((ROOT / "web/templates").rglob("*.html")):
        for key in re.findall(r'\bt\("([^"]+)"(?! ~)', path.read_text()):
            named += 1
            assert key in TEXTS, f"{path.name}: {key}"
    assert named > 100


# What is to be printed or copied at once, and what people see who have no account.
WITHOUT_MANUAL = {"sheet.html", "app.html", "codes.html", "decide.html", "decided.html"}


def test_every_page_has_its_manual() -> None:
    """Pages whose head is a macro of their subject (`head(m`) have it beside that, or in it."""
    heads = 0
    for path in sorted((ROOT / "web/templates").rglob("*.html")):
        source = path.read_text()
        if (
            path.name in WITHOUT_MANUAL
            or not re.search(r"m\.page_head\(|\w\.head\(m", source)
            or "{% macro" in source
        ):
            continue
        heads += 1
        assert "h.manual(" in source or "l.head(m, h)" in source, path
    assert heads > 40


def test_texts_that_pages_name_are_there() -> None:
    for path in sorted((ROOT / "web/pages").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("back", "failed")
            ):
                position = {"back": 2, "failed": 1}[node.func.id]
                for argument in node.args[position : position + 1]:
                    for part in ast.walk(argument):
                        if (
                            isinstance(part, ast.Constant)
                            and isinstance(part.value, str)
                            and "." in part.value
                        ):
                            known = part.value in TEXTS or (  # the first part of a key that is put together
                                part.value.endswith(".") and any(key.startswith(part.value) for key in TEXTS)
                            )
                            assert known, f"{path.name}:{node.lineno}: {part.value}"


def test_every_right_that_changes_something_has_a_name_in_the_log() -> None:
    see = {right for right in Right if right.endswith((".see", ".info", "audit")) or "." not in right}
    assert {str(right) for right in Right} - see - set(ACTIONS) == set()


def _sentences() -> Iterator[tuple[str, str]]:
    """Where, and the sentence as it is raised, its values as the source of an expression."""
    files = [
        *(ROOT / "storage").glob("admin*.py"),
        *(ROOT / "web/acts").glob("*.py"),
        *(ROOT / "web/pages").glob("*.py"),
        *(ROOT / "config" / name for name in ("values.py", "contract.py", "units.py")),
        ROOT / "storage/people/passwords.py",
    ]
    for path in sorted(files):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                name = getattr(node.exc.func, "id", getattr(node.exc.func, "attr", ""))
                if name in ("Refused", "Missing", "PasswordError", "ValueError", "WrongPassword"):
                    sentence = _text(node.exc.args[0])
                    if sentence is not None and not any(each in sentence for each in ELSEWHERE):
                        yield f"{path.name}:{node.lineno}", sentence


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"⟨{number}⟩"
            for number, part in enumerate(node.values)
        )
    return None


@pytest.mark.parametrize(("place", "sentence"), sorted(_sentences()))
def test_refusals_are_translated(place: str, sentence: str) -> None:
    said = refusals.translated(sentence)
    # one that is nothing but values says what another has said
    assert said != sentence or re.fullmatch(r"[⟨⟩\d\s:]+", sentence), f"{place}: {sentence!r} has no Japanese"


def test_refusal_says_its_values_and_no_file() -> None:
    said = '"a b" is longer than 64 characters (RFC 5321 §4.5.3.1.1)'
    problem = f"/etc/kwcmaild/domains/example.jp/accounts/taro.yaml:3: aliases[0]: {said}"
    assert refusal("en", problem) == said
    assert refusal("ja", problem) == "「a b」は 64 文字を超えています。"
    nested = "taro@example.jp is an administrator of example.jp: change that first"
    assert (
        refusal("ja", nested)
        == "taro@example.jp は example.jp の管理者です。先にその設定を変更してください。"
    )
    assert refusal("ja", "receive: perhaps is neither yes nor no").startswith("受信：「perhaps」")
    assert refusal("ja", "something new {x}") == "something new {x}"

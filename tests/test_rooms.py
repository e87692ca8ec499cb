"""Who may import whom: stairs go down. Every import of every room is read, and doors never see each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "config": set(),
    "net": {"config"},
    "storage": {"config"},
    "filters": {"net", "storage", "config"},
    "pop3": {"net", "storage", "config"},
    "imap": {"net", "storage", "config"},
    "smtp": {"net", "filters", "storage", "config"},
    "web": {"net", "filters", "storage", "config"},
    "kwcmaild": {"web", "smtp", "imap", "pop3", "filters", "storage", "net", "config"},
}


def imports(source: str, name: str) -> Iterator[tuple[int, str, int]]:
    """Line, top-level package and level (of dots) of each import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0], 0
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, (node.module or "").partition(".")[0], node.level


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_what_lies_below(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"the room {room}/ is empty"
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {package}"
        for path in files
        for line, package, level in imports(path.read_text("utf-8"), str(path))
        if level > 0 or (package in MAY_IMPORT and package not in allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_package_is_a_room() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == set(MAY_IMPORT)


def test_reader_sees_imports_inside_functions_and_dots() -> None:
    source = "import smtp.door as d\ndef f():\n    from net.tls import Contexts\n    from . import x\n"
    assert sorted(imports(source, "x.py")) == [(1, "smtp", 0), (3, "net", 0), (4, "", 1)]

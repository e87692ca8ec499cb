"""Every act asks for its right before it does anything, and what changes something is in the audit log.

Read from the source: pages and API ask as well, so an act that did not would answer as before, until somebody calls
it from a new place; and a line that is missing in the log nobody misses until it is looked for.
"""

import ast
from pathlib import Path

import pytest

import web.acts
from web.person import RULES, Right

# Acts that need a right to change and change nothing themselves.
LOOK_ONLY = {
    "lists.look", "lists.plan", "mail_data.count", "mail_data.progress", "many.plan",
    "own.show", "sessions.own", "tokens.every", "tokens.own",
}  # fmt: skip
TOLD_ALSO = {"lists.export", "many.export"}  # they need a right to see, and carry away all that there is
# Nobody is signed in yet, the link is the right, or one's own session is, which whoever has it may end.
WITHOUT_RIGHT = {"lists.decide_by_link", "sessions.second_step", "sessions.sign_in", "sessions.sign_out"}

Function = ast.FunctionDef | ast.AsyncFunctionDef

FUNCTIONS: dict[str, Function] = {
    f"{path.stem}.{each.name}": each
    for path in sorted(Path(web.acts.__file__).parent.glob("*.py"))
    for each in ast.parse(path.read_text()).body
    if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
}
ACTS = sorted(
    name
    for name, each in FUNCTIONS.items()
    if not each.name.startswith("_")
    and (name in WITHOUT_RIGHT or "person" in {one.arg for one in each.args.args})
)


def _called(name: str, within: ast.AST) -> set[str]:
    """What is called, by the names of `FUNCTIONS` where it is one of them."""
    called = {ast.unparse(each.func) for each in ast.walk(within) if isinstance(each, ast.Call)}
    return called | {f"{name.partition('.')[0]}.{each}" for each in called if "." not in each}


def _reaches(name: str, wanted: set[str], seen: frozenset[str] = frozenset()) -> bool:
    called = _called(name, FUNCTIONS[name])
    seen |= {name}
    return bool(called & wanted) or any(
        _reaches(each, wanted, seen) for each in called if each in FUNCTIONS and each not in seen
    )


def _named(within: ast.AST) -> set[Right]:
    said = {ast.unparse(each) for each in ast.walk(within) if isinstance(each, ast.Attribute)}
    return {Right[each[6:]] for each in said if each.startswith("Right.")}


def _rights(name: str, seen: frozenset[str] = frozenset(), by: str = "") -> set[Right]:
    """Those that it names, or who does a part of the work; `by` as an argument of that function alone."""
    seen |= {name}
    below = [each for each in _called(name, FUNCTIONS[name]) if each in FUNCTIONS and each not in seen]
    calls = [each for each in ast.walk(FUNCTIONS[name]) if isinstance(each, ast.Call)]
    places: list[ast.AST] = (
        [each for each in calls if ast.unparse(each.func) == by] if by else [FUNCTIONS[name]]
    )
    return set().union(*map(_named, places), *(_rights(each, seen, by) for each in below))


@pytest.mark.parametrize("name", [name for name in ACTS if name not in WITHOUT_RIGHT])
def test_asks_for_its_right_first(name: str) -> None:
    """Before it waits for anything, itself or in the act that it leaves the work to."""
    for statement in FUNCTIONS[name].body:
        called = _called(name, statement)
        if "allow" in called or any(each in FUNCTIONS and _reaches(each, {"allow"}) for each in called):
            return
        waits = any(isinstance(each, ast.Await) for each in ast.walk(statement))
        assert not waits and not isinstance(statement, ast.Return), f"{name} does something before it asks"
    raise AssertionError(f"{name} asks for no right")


@pytest.mark.parametrize("name", [name for name in ACTS if name not in LOOK_ONLY])
def test_a_change_is_in_the_audit_log(name: str) -> None:
    changes = any(RULES[right].writes for right in _rights(name))
    if changes or name in WITHOUT_RIGHT | TOLD_ALSO:
        assert _reaches(name, {"office.audit", "office.panel.note_all"}), f"{name} leaves no line"
    if name not in WITHOUT_RIGHT:
        told, asked = (_rights(name, by=function) for function in ("office.audit", "allow"))
        assert told <= asked, f"{name} does what it did not ask for"


def test_without_a_domain_it_is_the_servers() -> None:
    """One act for a domain's administrators and for the operator asks for another right in each case."""
    assert _rights("audit.entries", by="allow") == {Right.AUDIT_SEE, Right.SERVER_AUDIT}
    for name in ("traces.find", "traces.show", "traces.subject"):
        assert _rights(name, by="allow") == {Right.TRACE_SEE, Right.SERVER_SEE}, name


def test_the_lists_above_name_acts() -> None:
    assert set(ACTS) >= LOOK_ONLY | TOLD_ALSO | WITHOUT_RIGHT
    assert len(ACTS) > 60

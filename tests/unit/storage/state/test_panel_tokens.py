"""Tokens of the API and notices: kept, found, forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.admin_files import Refused
from storage.state.panel import Panel, forget
from storage.state.panel_notices import Notices, Words
from storage.state.panel_tokens import MOST, SHOWN_EXPIRED, USED_GRAIN, Tokens

ADMIN = "admin@example.test"


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel(tmp_path: Path, clock: Clock) -> Iterator[Panel]:
    panel = Panel(tmp_path, clock)
    yield panel
    panel.close()


@pytest.fixture
def tokens(panel: Panel, clock: Clock) -> Tokens:
    return Tokens(panel.db, clock)


@pytest.fixture
def notices(panel: Panel, clock: Clock) -> Notices:
    return Notices(panel.db, clock)


def test_a_token_is_found_by_its_secret_which_is_kept_nowhere(
    tokens: Tokens, tmp_path: Path, panel: Panel
) -> None:
    token, secret = tokens.add(ADMIN, "  billing \n system ", ["accounts:read", "domains:write"])
    assert (token.name, token.owner, token.used) == ("billing system", ADMIN, None)
    found = tokens.find(secret)
    assert found is not None
    assert (found.id, found.scopes) == (token.id, frozenset(("accounts:read", "domains:write")))
    panel.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert token.id.encode() in written
    assert secret.encode() not in written
    assert secret.removeprefix("kwcmaild_").encode() not in written


@pytest.mark.parametrize(
    "change", ["{}x", "x{}", " {}", "", "kwcmaild_", "kwcmaild_" + "A" * 43, "\0", "é" * 52]
)
def test_what_is_no_token_finds_nothing(tokens: Tokens, change: str) -> None:
    _, secret = tokens.add(ADMIN, "one", ["accounts:read"])
    assert tokens.find(change.format(secret)) is None


def test_an_expired_token_is_listed_for_a_while_and_found_by_nobody(tokens: Tokens, clock: Clock) -> None:
    token, secret = tokens.add(ADMIN, "short", ["accounts:read"], clock.now + 60)
    assert tokens.find(secret) is not None
    clock.now += 60
    assert tokens.find(secret) is None
    assert [each.id for each in tokens.of(ADMIN)] == [token.id]
    clock.now += SHOWN_EXPIRED + 1
    tokens.add(ADMIN, "next", ["accounts:read"])
    assert [each.name for each in tokens.of(ADMIN)] == ["next"]


def test_the_last_use_is_written_once_a_minute(tokens: Tokens, clock: Clock) -> None:
    token, secret = tokens.add(ADMIN, "one", ["accounts:read"])
    first = clock.now
    tokens.find(secret)
    clock.now += USED_GRAIN - 1
    tokens.find(secret)
    assert tokens.of(ADMIN)[0].used == first
    clock.now += 1
    assert tokens.find(secret) == replace(token, used=first + USED_GRAIN)
    assert tokens.of(ADMIN)[0].used == first + USED_GRAIN


def test_deleted_and_forgotten_tokens_open_nothing(tokens: Tokens) -> None:
    one, first = tokens.add(ADMIN, "one", ["accounts:read"])
    tokens.add(ADMIN, "two", ["accounts:read"])
    _, other = tokens.add("taro@example.test", "three", ["own:read"])
    assert tokens.delete(one.id)
    assert not tokens.delete(one.id)
    assert tokens.find(first) is None
    assert tokens.find(other) is not None
    assert [each.owner for each in tokens.all()] == [ADMIN, "taro@example.test"]


def test_who_is_gone_leaves_no_token_and_no_session(tokens: Tokens, panel: Panel, tmp_path: Path) -> None:
    names = (ADMIN, "taro@example.test", "taro@notexample.test", "taro@other.test", "example.test@other.test")
    secrets = {name: tokens.add(name, "x", ["own:read"])[1] for name in names}
    sessions = {name: panel.begin(name, "mark", "", "") for name in names}

    def left() -> set[str]:
        with_tokens = {name for name in names if tokens.find(secrets[name])}
        assert with_tokens == {name for name in names if panel.session(sessions[name], idle=9, most=9)}
        return with_tokens

    forget(tmp_path, account=ADMIN)
    assert left() == set(names[1:])
    forget(tmp_path, domain="example.test")
    assert left() == set(names[2:])
    forget(tmp_path)
    assert left() == set(names[2:])


def test_nothing_is_made_by_forgetting(tmp_path: Path) -> None:
    forget(tmp_path, account=ADMIN)
    assert list(tmp_path.iterdir()) == []


def test_refused_tokens(tokens: Tokens, clock: Clock) -> None:
    for name in ("", "  ", "x" * 101, "a\x07b"):
        with pytest.raises(Refused, match="name"):
            tokens.add(ADMIN, name, ["accounts:read"])
    with pytest.raises(Refused, match="past"):
        tokens.add(ADMIN, "late", ["accounts:read"], clock.now)
    with pytest.raises(Refused, match="scope"):
        tokens.add(ADMIN, "none", [])
    for number in range(MOST):
        tokens.add(ADMIN, str(number), ["accounts:read"])
    with pytest.raises(Refused, match=f"has {MOST} tokens"):
        tokens.add(ADMIN, "one more", ["accounts:read"])


WORDS = Words(
    "maintenance", "everybody", 1_700_000_000, 1_700_003_600, "保守", "Maintenance", "停止します", ""
)


def test_a_notice_is_current_to_its_end_and_then_history(notices: Notices, clock: Clock) -> None:
    made = notices.add(WORDS, ADMIN)
    assert notices.get(made.id) == made
    assert [each.id for each in notices.shown("everybody", current=True)] == [made.id]
    clock.now += 3600
    assert notices.shown("everybody", current=True) == []
    assert not made.current(clock.now)
    assert [each.id for each in notices.shown("everybody")] == [made.id]


def test_administrators_see_more(notices: Notices) -> None:
    inside = notices.add(replace(WORDS, audience="administrators", ends=None), ADMIN)
    outside = notices.add(replace(WORDS, begins=WORDS.begins - 1), ADMIN)
    assert [each.id for each in notices.shown("administrators")] == [inside.id, outside.id]
    assert [each.id for each in notices.shown("everybody")] == [outside.id]


def test_a_language_left_empty_is_read_in_the_other(notices: Notices) -> None:
    made = notices.add(replace(WORDS, title_en=" "), ADMIN)
    kept = notices.get(made.id)
    assert kept is not None
    assert [kept.title(language) for language in ("ja", "en")] == ["保守", "保守"]
    assert kept.text("en") == "停止します"


def test_changed_mailed_deleted(notices: Notices, clock: Clock) -> None:
    made = notices.add(WORDS, ADMIN)
    clock.now += 5
    changed = notices.change(made.id, replace(WORDS, ends=None))
    assert changed is not None
    assert (changed.words.ends, changed.changed, changed.created) == (None, clock.now, made.created)
    notices.mailed(made.id)
    kept = notices.get(made.id)
    assert kept is not None
    assert kept.mailed == clock.now
    assert notices.delete(made.id)
    assert notices.get(made.id) is None
    assert notices.change(made.id, WORDS) is None
    assert not notices.delete(made.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"title_ja": "", "title_en": " "},
        {"title_ja": "x" * 201},
        {"text_en": "x" * 20_001},
        {"ends": WORDS.begins},
        {"kind": "party"},
        {"audience": "cats"},
    ],
)
def test_refused_notices(notices: Notices, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        notices.add(replace(WORDS, **wrong), ADMIN)  # type: ignore[arg-type]
    assert notices.shown("administrators") == []

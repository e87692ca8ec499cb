"""The lists of the domains' mails: written by the traces, found by time, words, domain; bounded and forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.traces import Traces as Limits
from storage.state import mails
from storage.state.mails import Arrived, Mails
from storage.state.traces import Traces

NOW = 1_700_000_000.0


def arrived(number: int, **changes: object) -> Arrived:
    mail = Arrived(
        NOW + number,
        ("example.test",),
        f"t.{number}",
        True,
        "sales@Shop.example",
        ("taro@example.test",),
        f"Order {number}".encode(),
    )
    return mail._replace(**changes)  # type: ignore[arg-type]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Mails]:
    written = Mails(tmp_path)
    yield written
    written.close()


def found(state: Path, domain: str | None, words: str = "", **more: float) -> list[str]:
    return [mail.trace for mail in mails.find(state, domain, words, **more)]  # type: ignore[arg-type]


def test_newest_first_within_the_domain_and_the_time(written: Mails, tmp_path: Path) -> None:
    written.add([arrived(number) for number in range(5)])
    written.add([arrived(9, domains=("other.test",))])
    assert found(tmp_path, "example.test") == ["t.4", "t.3", "t.2", "t.1", "t.0"]
    assert found(tmp_path, "example.test", since=NOW + 1, until=NOW + 3) == ["t.2", "t.1"]
    assert found(tmp_path, "example.test", most=2, offset=1) == ["t.3", "t.2"]
    assert found(tmp_path, None, most=2) == ["t.9", "t.4"]
    assert found(tmp_path, "nowhere.test") == []


@pytest.mark.parametrize(
    "words", ["御見積", "ご見積", "ＯＲＤＥＲ", "ｵﾀﾞｲ", "TARO@", "shop.EXAMPLE", "100%", "a_b", "\\"]
)
def test_words_are_found_in_any_form(written: Mails, tmp_path: Path, words: str) -> None:
    subject = "=?ISO-2022-JP?B?GyRCOGY4K0BRGyhC?= Order オダイ 100% a_b \\".encode()  # 御見積
    written.add([arrived(1, subject=subject), arrived(2, subject=b"xyz 100 aXb", sender="", recipients=())])
    assert found(tmp_path, "example.test", words) == ([] if words == "ご見積" else ["t.1"])


def test_whom_else_it_was_for_is_found_by_its_sender_alone(written: Mails, tmp_path: Path) -> None:
    both, to = ("example.test", "other.test"), ("taro@example.test", "jiro@Other.test", "x@outside.example")
    written.add(
        [arrived(1, domains=both, recipients=to), arrived(2, domains=both, recipients=to, sent_by=both[0])]
    )
    for words, here, there in (
        ("taro@example", ["t.2", "t.1"], []),
        ("jiro@other", ["t.2"], ["t.2", "t.1"]),
        ("outside", ["t.2"], []),
    ):
        assert (found(tmp_path, both[0], words), found(tmp_path, both[1], words)) == (here, there), words
    assert [mail.recipients for mail in mails.find(tmp_path, "other.test")] == ["jiro@Other.test"] * 2


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert mails.find(tmp_path, "example.test", "x") == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_old_or_too_much_goes(
    written: Mails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.add([arrived(number) for number in range(10)])
    assert not written.delete_some(NOW + 3)
    assert found(tmp_path, "example.test", most=100) == [f"t.{number}" for number in range(9, 2, -1)]
    monkeypatch.setattr(mails, "MOST_ROWS", 2)
    assert not written.delete_some(0)
    assert found(tmp_path, "example.test") == ["t.9", "t.8"]
    monkeypatch.setattr(mails, "STEP", 1)
    monkeypatch.setattr(mails, "MOST_ROWS", 0)
    assert written.delete_some(0)
    assert found(tmp_path, "example.test") == ["t.9"]


def test_the_index_is_used(written: Mails, tmp_path: Path) -> None:
    written.add([arrived(1)])
    for domain, index in (("domain = :domain AND", "mail_domain"), ("", "mail_at")):
        plan = mails.database(tmp_path).query(
            "EXPLAIN QUERY PLAN " + mails._FIND.format(domain=domain),
            {
                "domain": "x",
                "since": 0,
                "until": 1,
                "seen": 1,
                "words": "",
                "pattern": "%",
                "most": 1,
                "offset": 0,
            },
        )
        assert any(index in row[3] for row in plan), plan
        assert not any("TEMP B-TREE" in row[3] for row in plan), plan


@pytest.mark.parametrize("subjects", [True, False])
def test_the_traces_write_them(tmp_path: Path, subjects: bool) -> None:
    traces = Traces(tmp_path, Limits(subjects=subjects), lambda: NOW)
    traces.arrived(arrived(1, at=0.0, subject="  見積\t書 ".encode()))
    traces.close()
    (mail,) = mails.find(tmp_path, "example.test")
    assert (mail.at, mail.sender, mail.taken) == (NOW, "sales@Shop.example", True)
    assert mail.subject == ("見積 書" if subjects else "")


def test_traces_forget_them_with_their_own(tmp_path: Path) -> None:
    traces = Traces(tmp_path, Limits(keep=100), lambda: NOW + 150)
    traces.arrived(arrived(0))
    traces.arrived(arrived(100))
    traces.close()
    again = Traces(tmp_path, Limits(keep=100), lambda: NOW + 150)
    again.tidy()
    again.close()
    assert found(tmp_path, "example.test") == ["t.100"]

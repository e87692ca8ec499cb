"""The counts of each hour: added up by the traces' thread, for the server and for each domain of ours."""

from collections import Counter
from pathlib import Path

import pytest

from config.traces import Traces as Limits
from storage.errors import Broken
from storage.state.hourly import HOUR, KEPT, SERVER, Count, Hourly, Key, read
from storage.state.traces import Traces

NOW = 1_750_000_000.0
THIS = int(NOW) // HOUR


def ours(domain: str) -> bool:
    if domain == "broken.test":
        raise Broken("cannot be read")
    return domain.endswith(".test")


def written(state: Path, *counts: tuple[str, tuple[str, ...]], now: float = NOW) -> None:
    """As a process would that lived just for these."""
    traces = Traces(state, Limits(), lambda: now, ours)
    for what, domains in counts:
        traces.count(what, domains)  # type: ignore[arg-type]
    traces.close()


def test_a_mail_to_two_domains_counts_once_for_the_server(tmp_path: Path) -> None:
    written(tmp_path, ("received", ("one.test", "two.test")), ("received", ("one.test", "one.test")))
    assert read(tmp_path, SERVER, THIS, THIS) == [Count(THIS, "received", 2)]
    assert read(tmp_path, "one.test", THIS, THIS) == [Count(THIS, "received", 2)]
    assert read(tmp_path, "two.test", THIS, THIS) == [Count(THIS, "received", 1)]


def test_counts_of_several_processes_and_times_are_added(tmp_path: Path) -> None:
    written(tmp_path, ("sent", ("one.test",)))
    written(tmp_path, ("sent", ("one.test",)), ("spam", ("one.test",)))
    written(tmp_path, ("sent", ("one.test",)), now=NOW + HOUR)
    assert sorted(read(tmp_path, "one.test", THIS, THIS + 1), key=repr) == [
        Count(THIS, "sent", 2),
        Count(THIS, "spam", 1),
        Count(THIS + 1, "sent", 1),
    ]
    assert read(tmp_path, "one.test", THIS + 1, THIS + 9) == [Count(THIS + 1, "sent", 1)]


@pytest.mark.parametrize("domain", ["elsewhere.example", "broken.test", ""])
def test_strangers_have_no_row_of_their_own(tmp_path: Path, domain: str) -> None:
    written(tmp_path, ("refused", (domain,)))
    assert read(tmp_path, SERVER, THIS, THIS) == [Count(THIS, "refused", 1)]
    if domain:
        assert read(tmp_path, domain, THIS, THIS) == []


def test_old_hours_are_forgotten(tmp_path: Path) -> None:
    hourly = Hourly(tmp_path)
    old: Counter[Key] = Counter({("one.test", THIS - KEPT - 1, "sent"): 3, ("one.test", THIS - 1, "sent"): 4})
    hourly.add(old, 0)
    hourly.close()
    assert len(read(tmp_path, "one.test", 0, THIS)) == 2
    written(tmp_path, ("received", ()))
    assert read(tmp_path, "one.test", 0, THIS) == [Count(THIS - 1, "sent", 4)]


def test_a_file_that_cannot_be_written_costs_counts_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "hourly.sqlite").mkdir()
    written(tmp_path, ("sent", ()))
    (tmp_path / "hourly.sqlite").rmdir()
    assert read(tmp_path, SERVER, 0, THIS) == []

"""Many aggregate reports as one table: who sends in a domain's name, how much of it passes, what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from filters.dmarc_reports.reading import Feedback


@dataclass(frozen=True, slots=True)
class Source:
    """One address that sent mail in a domain's name."""

    domain: str
    source: str
    messages: int
    passed: int
    dkim_aligned: int
    spf_aligned: int
    dispositions: dict[str, int]
    reporters: tuple[str, ...]
    header_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What all reports say together; `begin` and `end` are seconds since 1970."""

    reports: int
    messages: int
    passed: int
    begin: int
    end: int
    sources: tuple[Source, ...]  # what fails most stands first, in each domain


@dataclass(slots=True)
class _Adding:
    counts: Counter[str] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    reporters: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def summarise(reports: Iterable[Feedback]) -> Summary:
    """A report that came twice, by who made it and its id, counts once."""
    seen: set[tuple[str, str, str]] = set()
    found: dict[tuple[str, str], _Adding] = {}
    begins, ends = [], []
    for report in reports:
        key = (report.reporter, report.domain, report.report_id)
        if report.report_id and key in seen:
            continue
        seen.add(key)
        begins.append(report.begin)
        ends.append(report.end)
        for row in report.rows:
            adding = found.setdefault((report.domain, row.source), _Adding())
            adding.counts["messages"] += row.count
            adding.counts["passed"] += row.count * row.passed
            adding.counts["dkim"] += row.count * row.dkim_aligned
            adding.counts["spf"] += row.count * row.spf_aligned
            adding.dispositions[row.disposition] += row.count
            adding.reporters.add(report.reporter)
            adding.names.add(row.header_from)
    sources = [_source(domain, source, adding) for (domain, source), adding in found.items()]
    sources.sort(key=lambda each: (each.domain, each.passed - each.messages, -each.messages, each.source))
    return Summary(
        len(begins),
        sum(each.messages for each in sources),
        sum(each.passed for each in sources),
        min(begins, default=0),
        max(ends, default=0),
        tuple(sources),
    )


def _source(domain: str, source: str, adding: _Adding) -> Source:
    counts = adding.counts
    return Source(
        domain,
        source,
        counts["messages"],
        counts["passed"],
        counts["dkim"],
        counts["spf"],
        dict(adding.dispositions.most_common()),
        tuple(sorted(adding.reporters)),
        tuple(sorted(adding.names)),
    )

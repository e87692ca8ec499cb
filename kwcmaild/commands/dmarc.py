"""`kwcmaild dmarc`: the aggregate reports that others have sent about our domains, summarised by source."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from filters.dmarc_reports.reading import MOST, Feedback, NotAReport, documents, read
from filters.dmarc_reports.summary import Source, Summary, summarise
from kwcmaild.commands.directory import Json, directory_of, show, table
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage.layout import account_dir

PLACES = ("cur", "new")
HEAD = 64 * 1024  # octets of a mail in which its subject is looked for


def dmarc(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Reports: .xml, .gz, .zip, or mails with them."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ADDRESS", help="All reports in an account's mailboxes."),
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Who sends mail in our domains' names, as others report it. The exit status is 1 if there is no report."""
    if bool(files) == bool(account):
        fail("give files, or --account ADDRESS")
    paths = list(files or [])
    if account is not None:
        with directory_of(config) as directory:
            entry = directory.account(account)
            if entry is None:
                fail(f"there is no account {account}")
            paths = list(_messages(account_dir(directory.settings.data, entry.address) / "Maildir"))
    found, unreadable = _all(paths, whole=account is None)
    summary = summarise(found)
    answer = {**asdict(summary), "unreadable": unreadable}
    lines = [] if not summary.reports else _lines(summary)
    show(answer, json, lines + [f"{each['file']}: {each['why']}" for each in unreadable])
    if not summary.reports:
        if not json and not unreadable:
            fail("there is no report")
        raise typer.Exit(1)


def _messages(maildir: Path) -> Iterator[Path]:
    """The messages in all mailboxes of a Maildir."""
    if not maildir.is_dir():
        return
    for folder in (maildir, *sorted(each for each in maildir.iterdir() if each.name.startswith("."))):
        for place in PLACES:
            if (folder / place).is_dir():
                yield from sorted((folder / place).iterdir())


def _all(paths: list[Path], *, whole: bool) -> tuple[list[Feedback], list[dict[str, str]]]:
    """The reports in all files. Where `whole`, a file without one is worth a word; in a mailbox only a mail that
    says that it carries one."""
    found: list[Feedback] = []
    unreadable: list[dict[str, str]] = []
    for path in paths:
        before, data = len(found), b""
        try:
            if path.stat().st_size > MOST:
                raise NotAReport(f"it is larger than {MOST} octets")
            data = path.read_bytes()
            for document in documents(data):
                found.append(read(document))
            if len(found) == before:
                raise NotAReport("there is no report in it")
        except NotAReport as error:
            if whole or b"\nsubject: report domain" in b"\n" + data[:HEAD].lower():
                unreadable.append({"file": str(path), "why": str(error)})
        except FileNotFoundError:
            if whole:  # else it was moved or deleted meanwhile
                unreadable.append({"file": str(path), "why": "there is no such file"})
        except OSError as error:
            unreadable.append({"file": str(path), "why": error.strerror or str(error)})
    return found, unreadable


def _lines(summary: Summary) -> list[str]:
    rows = [_row(each) for each in summary.sources]
    heads = ("DOMAIN", "SOURCE", "MESSAGES", "DKIM", "SPF", "DONE WITH IT", "REPORTED BY")
    days = " to ".join(
        sorted({time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (summary.begin, summary.end)})
    )
    failed = summary.messages - summary.passed
    return [
        *table(heads, rows),
        f"{summary.reports} reports, {days}: {summary.messages} messages, {failed} of them did not pass",
    ]


def _row(each: Source) -> tuple[str, ...]:
    done = ", ".join(f"{name} {count}" for name, count in each.dispositions.items())
    return (
        each.domain,
        each.source,
        str(each.messages),
        _share(each.dkim_aligned, each.messages),
        _share(each.spf_aligned, each.messages),
        done,
        ", ".join(each.reporters[:3])
        + (f" and {len(each.reporters) - 3} more" if len(each.reporters) > 3 else ""),
    )


def _share(some: int, all_: int) -> str:
    return "all" if some == all_ else "none" if not some else str(some)

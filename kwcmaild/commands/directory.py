"""What the commands about accounts and domains share: the directory, passwords, sizes, and how they answer."""

import dataclasses
import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from config.units import parse_size
from kwcmaild.commands.options import fail, settings_of
from storage.admin_files import Refused
from storage.errors import StoreError
from storage.people.directory import Directory

T = TypeVar("T")
OneDomain = Annotated[str | None, typer.Argument(metavar="DOMAIN", help="One domain; all if not given.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document, for programs.")]


@contextmanager
def directory_of(config: Path) -> Iterator[Directory]:
    """The directory that the configuration speaks of; what is refused ends the command with its sentence."""
    directory = Directory(settings_of(config))
    try:
        yield directory
    except (Refused, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    finally:
        directory.close()


def of_domains(
    directory: Directory, domain: str | None, found: Callable[[Directory, str], Sequence[T]]
) -> list[T]:
    """What there is in one domain, or in all."""
    domains = [domain.lower()] if domain else sorted(directory.domains())
    return [one for name in domains for one in found(directory, name)]


def size(text: str | None) -> int | None:
    """Bytes of an option such as `5G`."""
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        fail(str(error))


def new_password(from_stdin: bool) -> str:
    """A password from standard input (one line) or typed twice; never an argument, which others could see."""
    if from_stdin:
        line = sys.stdin.readline()
        if not line:
            fail("no password came on standard input")
        return line.rstrip("\r\n")
    if not _is_terminal():
        fail("there is nobody to ask for a password: give it on standard input with --password-stdin")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def show(answer: Any, as_json: bool, lines: Sequence[str]) -> None:
    """The answer, for programs or for people."""
    if as_json:
        typer.echo(json.dumps(_plain(answer), ensure_ascii=False, indent=1))
    else:
        for line in lines:
            typer.echo(line)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; full-width letters count twice, as terminals draw them."""
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(heads))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def moment(at: float) -> str:
    """A time as people read it, in the machine's zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _plain(answer: Any) -> Any:
    if isinstance(answer, list | tuple):
        return [_plain(one) for one in answer]
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return dataclasses.asdict(answer)
    return answer


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

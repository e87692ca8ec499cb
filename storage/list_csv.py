"""The members of a mailing list as CSV, as Excel writes and reads it in Japan.

Out: UTF-8 with a byte order mark, by which Excel knows it, or CP932 for what is older. In: either, told apart by
looking; with or without a line of headings, which may be Japanese; separated by commas or tabs. All that is wrong
is said at once, with the line it stands in, and then nothing is taken over.

A name that begins as a formula does (`=`, `+`, `-`, `@`) goes out behind an apostrophe, so that a spreadsheet does
not compute it, and comes in without it.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from config.values import mail_address

Encoding = Literal["utf-8", "cp932"]

COLUMNS = ("address", "name", "receives", "may_post")
MOST_OCTETS = 4 * 1024 * 1024
MOST_PROBLEMS = 50  # more are counted

_HEADINGS = {
    "address": ("address", "e-mail", "email", "mail", "メールアドレス", "アドレス", "メール"),
    "name": ("name", "名前", "氏名"),
    "receives": ("receives", "受信", "配信"),
    "may_post": ("may_post", "may post", "投稿", "投稿権限"),
}
YES = frozenset(("yes", "y", "true", "1", "on", "○", "〇", "◯", "はい", "する", "可", "有"))
NO = frozenset(("no", "n", "false", "0", "off", "×", "✕", "いいえ", "しない", "不可", "無"))
FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Row:
    """One member; None where the file says nothing."""

    address: str
    name: str | None = None
    receives: bool | None = None
    may_post: bool | None = None


class BadCsv(ValueError):
    """What is wrong with a file, one line of text for each thing."""


def read(data: bytes) -> list[Row]:
    """The rows of a file. Raises BadCsv."""
    if len(data) > MOST_OCTETS:
        raise BadCsv(f"the file is larger than {MOST_OCTETS} octets")
    text = decoded(data)
    tabs = "\t" in text.partition("\n")[0] and "," not in text.partition("\n")[0]
    columns: tuple[str, ...] = COLUMNS
    rows: dict[str, Row] = {}
    problems: list[str] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
        for number, cells in enumerate(reader):
            if not any(cell.strip() for cell in cells):
                continue
            if number == 0 and (headings := _headings(cells)):
                columns = headings
                continue
            try:
                row = _row(dict(zip(columns, cells, strict=False)))
                if row.address.lower() in rows:
                    raise ValueError(f"{row.address} is given a second time")
                rows[row.address.lower()] = row
            except ValueError as error:
                problems.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise BadCsv("\n".join(problems[:MOST_PROBLEMS]) + (f"\nand {more} more" if more > 0 else ""))
    return list(rows.values())


def write(rows: Iterable[Row], encoding: Encoding) -> bytes:
    """A file for spreadsheets. What CP932 does not know becomes `?`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        name = row.name or ""
        shielded = f"'{name}" if name.startswith((*FORMULA, "'")) else name
        writer.writerow(
            (row.address, shielded, "no" if row.receives is False else "yes", "yes" if row.may_post else "no")
        )
    return out.getvalue().encode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise BadCsv("the file is neither UTF-8 nor CP932 (Shift_JIS): save it as CSV UTF-8")


def _headings(cells: list[str]) -> tuple[str, ...]:
    """The columns that the first line names; none if it is a member already."""
    if any("@" in cell for cell in cells):
        return ()
    found = []
    for cell in cells:
        word = cell.strip().lower()
        found.append(next((name for name, words in _HEADINGS.items() if word in words), word))
    if "address" not in found:
        raise BadCsv(f"line 1: no column is named address: {', '.join(COLUMNS)} are known")
    return tuple(found)


def _row(cells: dict[str, str]) -> Row:
    name = cells.get("name")
    if name is not None:
        name = " ".join(name.split())
        if name.startswith("'") and name[1:].startswith((*FORMULA, "'")):
            name = name[1:]
        if len(name) > 200:
            raise ValueError("the name is longer than 200 characters")
        if not name.isprintable():
            raise ValueError("the name holds a control character")
    return Row(
        mail_address(cells.get("address", "").strip()),
        name,
        _flag(cells, "receives"),
        _flag(cells, "may_post"),
    )


def _flag(cells: dict[str, str], column: str) -> bool | None:
    word = cells.get(column, "").strip().lower()
    if not word:
        return None
    if word in YES or word in NO:
        return word in YES
    raise ValueError(f"{column}: {word[:20]} is neither yes nor no")

"""Accounts as CSV, as Excel writes and reads it in Japan.

Out: UTF-8 with a byte order mark, by which Excel knows it, or CP932 for what is older. In: either, told apart
by looking, with a line of headings in Japanese or English, separated by commas or tabs; columns in any order,
those that are missing stay as they are. Pure: what the lines would do is found out by `web.acts.many`.

A cell that begins as a formula does (`=`, `+`, `-`, `@`) goes out behind an apostrophe and comes in without
it.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.units import GIB, parse_size
from storage.list_csv import FORMULA, NO, YES, BadCsv, Encoding, decoded

MOST_OCTETS = 8 * 1024 * 1024
MOST_ROWS = 5_000

# Each column: its name, and what it is called in a file (the first in Japanese is what goes out).
COLUMNS: dict[str, tuple[str, ...]] = {
    "address": ("メールアドレス", "アドレス", "address", "email", "e-mail", "mail"),
    "password": ("パスワード", "password"),
    "limit": ("容量(gb)", "容量（gb）", "容量", "limit", "quota", "limit(gb)"),
    "comment": ("備考", "コメント", "氏名", "名前", "comment", "name"),
    "aliases": ("別名", "エイリアス", "aliases", "alias"),
    "forward_to": ("転送先", "forward_to", "forward", "forward to"),
    "keep_copy": ("転送時に残す", "コピーを残す", "keep_copy", "keep copy"),
    "receive": ("受信", "receive"),
    "suspended": ("停止", "利用停止", "suspended"),
    "tag_subject": ("件名に[spam]", "tag_subject", "tag subject"),
    "to_junk": ("迷惑メールフォルダー", "迷惑メールフォルダ", "to_junk", "to junk"),
}
HEADINGS = ("メールアドレス", "容量(GB)", "備考", "別名", "転送先", "転送時に残す", "受信", "停止", "件名に[SPAM]",
            "迷惑メールフォルダー", "使用量(MB)", "最終ログイン")  # fmt: skip
ENGLISH = ("address", "limit", "comment", "aliases", "forward_to", "keep_copy", "receive", "suspended",
           "tag_subject", "to_junk", "used_mb", "last_login")  # fmt: skip
_FLAGS = ("keep_copy", "receive", "suspended", "tag_subject", "to_junk")


@dataclass(frozen=True, slots=True)
class Row:
    """One line; None where it says nothing."""

    line: int
    address: str
    password: str | None = None
    limit: int | None = None
    comment: str | None = None
    aliases: tuple[str, ...] | None = None
    forward_to: tuple[str, ...] | None = None
    keep_copy: bool | None = None
    receive: bool | None = None
    suspended: bool | None = None
    tag_subject: bool | None = None
    to_junk: bool | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that cannot be read, and why."""

    line: int
    address: str
    problem: str


def read(data: bytes, domain: str) -> tuple[list[Row], list[Wrong]]:
    """The lines of a file. An address without a domain is one of `domain`. Raises BadCsv where nothing can be
    read."""
    if len(data) > MOST_OCTETS:
        raise BadCsv(f"the file is larger than {MOST_OCTETS} octets")
    text = decoded(data)
    first = text.partition("\n")[0]
    tabs = "\t" in first and "," not in first
    rows: list[Row] = []
    wrong: list[Wrong] = []
    columns: list[str] | None = None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells)
                continue
            if len(rows) + len(wrong) >= MOST_ROWS:
                raise BadCsv(f"the file has more than {MOST_ROWS} lines")
            named = dict(zip(columns, map(_plain, cells), strict=False))
            try:
                rows.append(_row(reader.line_num, named, domain))
            except ValueError as error:
                wrong.append(Wrong(reader.line_num, named.get("address", ""), str(error)))
    except csv.Error as error:
        raise BadCsv(f"line {reader.line_num}: {error}") from error
    return rows, wrong


def write(lines: Iterable[Sequence[str]], encoding: Encoding, *, japanese: bool) -> bytes:
    """A file for spreadsheets. What CP932 does not know becomes `?`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS if japanese else ENGLISH)
    for cells in lines:
        writer.writerow([f"'{cell}" if cell.startswith((*FORMULA, "'")) else cell for cell in cells])
    return out.getvalue().encode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def yes_or_no(value: bool, *, japanese: bool) -> str:
    return ("はい" if value else "いいえ") if japanese else ("yes" if value else "no")


def _columns(cells: Sequence[str]) -> list[str]:
    found = []
    for cell in cells:
        word = cell.strip().lower()
        found.append(next((name for name, words in COLUMNS.items() if word in words), ""))
    if "address" not in found:
        raise BadCsv("the first line names no column as メールアドレス or address")
    for name in COLUMNS:
        if found.count(name) > 1:
            raise BadCsv(f"two columns are named {name}")
    return found


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def _row(line: int, cells: dict[str, str], domain: str) -> Row:
    address = cells.get("address", "").lower()
    flags = {name: _flag(name, cells.get(name, "")) for name in _FLAGS}
    return Row(
        line,
        address if "@" in address or not address else f"{address}@{domain}",
        cells.get("password") or None,
        _limit(cells.get("limit", "")),
        cells.get("comment"),
        _several(cells.get("aliases")),
        _several(cells.get("forward_to")),
        **flags,
    )


def _limit(cell: str) -> int | None:
    if not cell:
        return None
    if match := re.fullmatch(r"([0-9]{1,6})(?:\.0+)?", cell):
        return int(match[1]) * GIB
    try:
        return parse_size(cell)
    except ValueError:
        raise ValueError(f'"{cell[:20]}" is not a number of GB') from None


def _several(cell: str | None) -> tuple[str, ...] | None:
    return None if cell is None else tuple(piece for piece in re.split(r"[\s;,、]+", cell) if piece)


def _flag(name: str, cell: str) -> bool | None:
    word = cell.lower()
    if not word:
        return None
    if word in YES or word in NO:
        return word in YES
    raise ValueError(f"{name}: {word[:20]} is neither yes nor no")

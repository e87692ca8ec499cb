"""Members of a list as people type or paste them: one in a line, with a name or without; or addresses alone, as
many in a line as they like."""

import re
from email.utils import parseaddr

from config.values import mail_address
from storage.list_csv import Row
from web.language import Language
from web.texts import refusal, text

_BETWEEN = re.compile(r"[\s,;、]+")


def members_typed(typed: str, language: Language) -> tuple[list[Row], list[str]]:
    """Who was typed, each once, and of each line that nobody can be told from, why."""
    rows: dict[str, Row] = {}
    problems = []
    for number, line in enumerate(typed.splitlines(), 1):
        try:
            for row in _of(line.strip().strip(",;、")):
                rows[row.address.lower()] = row
        except ValueError as error:
            said = refusal(language, str(error))
            problems.append(text(language, "members.add.line", line=number, text=said))
    return list(rows.values()), problems


def _of(line: str) -> list[Row]:
    """`taro@example.jp`, or `山田太郎 <taro@example.jp>`."""
    if "<" not in line:
        return [Row(mail_address(each)) for each in _BETWEEN.split(line) if each]
    name, found = parseaddr(line)
    return [Row(mail_address(found), name or None)]

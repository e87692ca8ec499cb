"""What is wrong in a file, said so that an operator can go to the line and mend it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing wrong; `line` counts from 1, which also stands for a whole file; `key` is dotted, or empty."""

    file: Path
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.key}: {self.text}" if self.key else f"{place}{self.text}"


class ConfigError(Exception):
    """A file cannot be used; `problems` holds everything that is wrong in it, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

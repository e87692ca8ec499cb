"""A long table, a page at a time: the parameter `page=` of its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The rows of one page, with what the pager says (`m.pager`)."""

    rows: Sequence[T]
    first: int
    last: int
    total: int
    page: int
    pages: int


def page_of(rows: Sequence[T], request: Request, size: int) -> Part[T]:
    """The page that is asked for; the nearest one where there is none of that number."""
    pages = max(1, -(-len(rows) // size))
    asked = request.query_params.get("page", "1")
    page = min(max(1, int(asked[:9]) if asked.isdecimal() else 1), pages)
    start = (page - 1) * size
    part = rows[start : start + size]
    return Part(part, start + 1 if part else 0, start + len(part), len(rows), page, pages)

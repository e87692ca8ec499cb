"""What several ask at the same moment is done in one go; each has its own answer, and a failure is everybody's."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from storage.together import Together


class Work:
    """A hop that ends when it is let."""

    def __init__(self) -> None:
        self.bundles: list[list[int]] = []
        self.ends: list[asyncio.Future[Any]] = []

    def hop(self, work: Any, asks: Sequence[int]) -> "asyncio.Future[Any]":
        self.bundles.append(list(asks))
        self.ends.append(asyncio.get_running_loop().create_future())
        return self.ends[-1]

    async def end(self, number: int, error: Exception | None = None) -> None:
        if error is None:
            self.ends[number].set_result([ask * 10 for ask in self.bundles[number]])
        else:
            self.ends[number].set_exception(error)
        await asyncio.sleep(0)


async def test_what_comes_meanwhile_goes_together_and_each_has_its_answer() -> None:
    work = Work()
    together: Together[int, int] = Together(work.hop, lambda asks: [], most=3)
    answers = [together.take(number) for number in range(6)]
    assert work.bundles == [[0]]  # who comes alone does not wait
    await work.end(0)
    assert work.bundles == [[0], [1, 2, 3]]
    answers[2].cancel()  # nobody waits for it any more; it is done all the same
    await work.end(1)
    await work.end(2)
    assert work.bundles == [[0], [1, 2, 3], [4, 5]]
    assert [await each for each in answers if not each.cancelled()] == [0, 10, 30, 40, 50]


async def test_a_failure_is_everybodys_and_the_next_bundle_goes_on() -> None:
    work = Work()
    together: Together[int, int] = Together(work.hop, lambda asks: [], at_once=2)
    answers = [together.take(number) for number in range(5)]
    assert work.bundles == [[0], [1]]
    await work.end(1)
    assert work.bundles[2:] == [[2, 3, 4]]
    await work.end(2, OSError("no room"))
    for each in answers[2:]:
        with pytest.raises(OSError, match="no room"):
            await each
    later = together.take(5)
    await work.end(3)
    await work.end(0)
    assert (await later, await answers[0], await answers[1]) == (50, 0, 10)

"""Hops to threads: results and errors come back, many run at once, nothing handed in is lost."""

import asyncio
import threading

import pytest

from storage.threads import Threads


@pytest.fixture
def threads():
    made = Threads(4, "test")
    yield made
    made.close()


async def test_a_result_and_an_error_come_back(threads: Threads) -> None:
    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    assert await threads.run(threading.get_ident) != threading.get_ident()


async def test_as_many_run_at_once_as_may(threads: Threads) -> None:
    barrier = threading.Barrier(4, timeout=60)
    await asyncio.gather(*(threads.run(barrier.wait) for _ in range(4)))
    assert threading.active_count() >= 4
    names = await asyncio.gather(*(threads.run(_name) for _ in range(50)))
    assert len(set(names)) <= 4


def _name() -> str:
    return threading.current_thread().name


async def test_one_thread_is_enough_for_who_waits(threads: Threads) -> None:
    assert {await threads.run(_name) for _ in range(20)} == {"test-0"}


async def test_more_than_there_are_threads_wait_their_turn(threads: Threads) -> None:
    barrier = threading.Barrier(4, timeout=60)
    await asyncio.gather(*(threads.run(barrier.wait) for _ in range(4)))  # all are idle now, or soon
    for _ in range(50):
        assert await asyncio.gather(*(threads.run(abs, -number) for number in range(20))) == list(range(20))
    assert {await threads.run(_name) for _ in range(20)} <= {f"test-{number}" for number in range(4)}


async def test_what_nobody_waits_for_any_more_is_done(threads: Threads) -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go.wait(60)
        done.append(1)

    task = asyncio.ensure_future(_await(threads, work))
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.to_thread(threads.close)
    assert done == [1]


async def _await(threads: Threads, work) -> None:
    await threads.run(work)


async def test_closing_waits_for_what_was_handed_in(threads: Threads) -> None:
    done: list[int] = []
    for number in range(20):
        threads.run(done.append, number)
    await asyncio.to_thread(threads.close)
    assert sorted(done) == list(range(20))
    await asyncio.sleep(0)


async def test_stop_iteration_is_an_error_as_any_other(threads: Threads) -> None:
    with pytest.raises(RuntimeError):
        await threads.run(next, iter(()))

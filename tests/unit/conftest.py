"""A warning fails a unit test: a coroutine that nobody awaited, a mark that means nothing, a library's last call.

But for descriptors that a test leaves to the collector: they are found during another one.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("error"))
            item.add_marker(pytest.mark.filterwarnings("default::ResourceWarning"))

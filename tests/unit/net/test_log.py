"""One line an event, whatever a peer put into a value."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from net.log import configure, event


@pytest.fixture(autouse=True)
def _put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(format: str, level: str = "info") -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    configure(level, format, stream)
    return logging.getLogger("test"), stream


def test_text_is_key_and_value() -> None:
    log, stream = _lines("text")
    event(log, "pop3.login", trace="abc", account="taro@example.test", messages=3, empty="", absent=None)
    _, rest = stream.getvalue().split(" ", 1)
    assert rest == 'info pop3.login trace=abc account=taro@example.test messages=3 empty=""\n'


def test_a_value_cannot_forge_a_line_or_a_field() -> None:
    log, stream = _lines("text")
    event(log, "smtp.helo", name='x\r\n2026 info fake a="b" \x1b[31m\u2028 日本')
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert r'name="x\r\n2026 info fake a=\"b\" \x1b[31m\u2028 日本"' in text


def test_json_is_one_object_a_line_with_numbers_as_numbers() -> None:
    log, stream = _lines("json")
    event(log, "pop3.quit", trace="abc", deleted=2, name="a\nb")
    assert stream.getvalue().count("\n") == 1
    found = json.loads(stream.getvalue())
    assert found.pop("time").endswith("Z")
    assert found == {"level": "info", "event": "pop3.quit", "trace": "abc", "deleted": 2, "name": "a\nb"}


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_is_one_line_too(format: str) -> None:
    log, stream = _lines(format)
    try:
        raise RuntimeError("inside story")
    except RuntimeError:
        event(log, "connection.failed", logging.ERROR, trace="abc", exc_info=True)
    assert stream.getvalue().count("\n") == 1
    assert "inside story" in stream.getvalue()


def test_other_libraries_lines_have_the_same_shape_and_the_level_counts() -> None:
    log, stream = _lines("text", level="warning")
    event(log, "too.quiet")
    logging.getLogger("asyncio").warning("socket.accept() %s", "failed\nbadly")
    _, rest = stream.getvalue().split(" ", 1)
    assert rest == 'warning log logger=asyncio text="socket.accept() failed\\nbadly"\n'


@pytest.mark.parametrize("format", ["text", "json"])
def test_what_is_no_text_can_be_logged(format: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    configure("info", format, stream)
    event(logging.getLogger("test"), "x", name=b"\xff".decode("utf-8", "surrogateescape"))
    assert stream.buffer.getvalue().count(b"\n") == 1  # type: ignore[attr-defined]


def test_long_values_are_cut() -> None:
    log, stream = _lines("text")
    event(log, "x", value="y" * 100_000)
    assert len(stream.getvalue()) < 1200

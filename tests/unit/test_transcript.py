"""The player of transcripts itself: what must match matches, and what must not is found out."""

from pathlib import Path

import pytest

from net.connection import Connection
from net.server import Server, bind
from tests.house import House
from tests.transcript import Mismatch, play


class _Toy:
    """A house with one door: it greets, and answers each line with its own repr."""

    async def pop3(self, tls: str = "starttls") -> tuple[str, int]:
        self.server = Server(bind("127.0.0.1", 0), self._talk)
        await self.server.start()
        return self.server.address

    async def _talk(self, conn: Connection) -> None:
        conn.write(b"hello " + conn.trace.encode() + b"\r\n")
        while True:
            line = await conn.readline(10_000, 5)
            if line == b"QUIT\r\n":
                conn.write(b"bye\r\n")
                return
            conn.write(repr(line).encode() + b"\r\n")


async def _play(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "pop3"
    folder.mkdir()
    (folder / "toy.txt").write_text(text)
    toy = _Toy()
    try:
        await play(folder / "toy.txt", toy)  # type: ignore[arg-type]
    finally:
        await toy.server.stop(wait=0)


GOOD = r"""
# two clients, wildcards and escapes
S: hello <trace>
C: you are <trace>
S: b'you are <trace>\r\n'
B> S: hello <other>
B> C: <\x41*3><\xff>
B> S: b'AAA\xff\r\n'
C~ cut
C: ting
S: b'cutting\r\n'
C: one
C: two
S...
S: b'two\r\n'
B> C! close
C: QUIT
S: bye
S! closed
"""


async def test_a_good_conversation_is_played_to_its_end(tmp_path: Path) -> None:
    await _play(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("S: hullo <any>\n", 1),
        ("S: hello <a>\nB> S: hello <a>\n", 2),
        ("S: hello\n", 1),
        ("S: hello <any>\nC: QUIT\nS! closed\n", 3),
        ("S: hello <any>\nC: QUIT\nS: bye\nS: more\n", 4),
        ("S: hello <any>\nC: x\nS...\nS: never\nC: QUIT\nS: b<any>\n", 4),
    ],
)
async def test_a_wrong_line_is_found(
    tmp_path: Path, text: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.transcript.PATIENCE", 0.2)
    with pytest.raises(Mismatch, match=rf"toy\.txt:{line}: expected"):
        await _play(tmp_path, text)


async def test_words_left_unsaid_at_the_end_are_found(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="says also"):
        await _play(tmp_path, "S: hello <any>\nC: one\nC: two\nC: three\nS...\nS: b'two<any>\n")


async def test_a_line_that_is_not_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("S:hello\nX: what\n")
    with pytest.raises(ValueError, match=":2:"):
        await play(tmp_path / "x.txt", House.__new__(House))

"""Members of a list as CSV: what Excel writes, what people write, and what is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.list_csv import BadCsv, Row, read, write

ROWS = [
    Row("a@b.example", "山田 太郎", True, False),
    Row('"q q"@b.example', "=SUM(A1)", False, True),
    Row("c@d.example", "'quoted", True, True),
]


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_what_goes_out_comes_in(encoding: str) -> None:
    data = write(ROWS, encoding)  # type: ignore[arg-type]
    assert data.startswith(b"\xef\xbb\xbf") is (encoding == "utf-8")
    assert b"\r\n" in data
    assert read(data) == ROWS
    assert b",=SUM" not in data


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a@b.example\n", [Row("a@b.example")]),
        (
            "a@b.example,\r\n\r\n,,\r\nc@d.example, 花子 ,no\r\n",
            [Row("a@b.example", ""), Row("c@d.example", "花子", False)],
        ),
        ("メールアドレス,名前,受信,投稿\na@b.example,山田,○,×\n", [Row("a@b.example", "山田", True, False)]),
        ("名前\tメールアドレス\n山田\ta@b.example\n", [Row("a@b.example", "山田")]),
        ("Address,Department\na@b.example,sales\n", [Row("a@b.example")]),
        ('address,name\na@b.example,"Yamada, Taro"\n', [Row("a@b.example", "Yamada, Taro")]),
        ("", []),
    ],
)
def test_what_people_write(text: str, rows: list[Row]) -> None:
    assert read(text.encode()) == rows
    assert read(text.encode("utf-8-sig")) == rows
    assert read(text.replace("×", "no").encode("cp932")) == rows


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a@b.example\nnonsense@\n", "line 2"),
        (b"name\nx\n", "line 1: no column"),
        (b"a@b.example\nA@B.example\n", "line 2: A@b.example is given a second time"),
        (b"address,receives\na@b.example,perhaps\n", "line 2: receives: perhaps is neither yes nor no"),
        (b'a@b.example,"open\n', "line"),
        (b"\xff\xfe\x00a", "neither UTF-8 nor CP932"),
        (b"a@b.example,x\x00\n", "neither"),
        (b"x" * (5 * 1024 * 1024), "larger than"),
        (("a@b.example," + "x" * 201).encode(), "longer than 200"),
    ],
)
def test_what_is_wrong(data: bytes, line: str) -> None:
    with pytest.raises(BadCsv, match=line):
        read(data)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(BadCsv) as caught:
        read(b"a@b.example\n" + b"wrong\n" * 60)
    assert str(caught.value).count("\n") == 50
    assert str(caught.value).endswith("and 10 more")


@given(st.binary(max_size=300))
def test_anything_is_rows_or_a_reason(data: bytes) -> None:
    try:
        rows = read(data)
    except BadCsv as error:
        assert str(error)
    else:
        assert all("@" in row.address for row in rows)

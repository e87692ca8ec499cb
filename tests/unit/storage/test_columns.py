"""Rows as columns: whatever comes, changes and goes, they say what a dictionary of rows says, packed or not."""

import io
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.columns import EMPTY, SPARE_OCTETS, SPARE_WORDS, Columns, Words
from storage.rows import Row

NUMBER = st.integers(0, 2**40)
LETTERS = st.sampled_from(["", "S", "FS", "RST", "a", "Sz", "P"])
BASES = st.one_of(st.just("1.KW1.host"), st.text(st.characters(codec="utf-8"), max_size=60))
MAILBOX = st.sampled_from(["delivered", "appended", "copied from F1", "moved from F2"])
MOST = 40  # UIDs


def row(uid: int, letters: str = "", modseq: int = 1) -> Row:
    return Row(uid, f"{uid}.KW1.host", letters, modseq, 10 + uid, -uid, 1, "delivered", False, False)


def rows(uids: st.SearchStrategy[int]) -> st.SearchStrategy[list[Row]]:
    one = st.builds(
        Row, uids, BASES, LETTERS, NUMBER, NUMBER, st.integers(-(2**40), 2**40), NUMBER, MAILBOX,
        st.booleans(), st.booleans(), NUMBER,
    )  # fmt: skip
    return st.lists(one, max_size=12, unique_by=lambda row: row.uid).map(sorted)


UIDS = st.integers(1, MOST)
STEPS = st.lists(st.tuples(rows(UIDS), st.sets(UIDS, max_size=8), st.booleans()), max_size=6)


@settings(deadline=None)
@given(rows(UIDS), STEPS)
def test_columns_say_what_a_dictionary_says(
    first: list[Row], steps: list[tuple[list[Row], set[int], bool]]
) -> None:
    model = {row.uid: row for row in first}
    columns = Columns.of(first)
    for found, gone, pack in steps:
        before, was = columns, list(model.values())
        # what is there keeps all but its flags, its modseq and its place
        found = [
            model[row.uid]._replace(flags=row.flags, modseq=row.modseq, cur=row.cur, lf=row.lf)
            if row.uid in model
            else row
            for row in found
            if row.uid not in gone
        ]
        expected = {uid: row for uid, row in model.items() if uid not in gone}
        expected |= {row.uid: row for row in found}
        taken = columns.taking(found, sorted(gone))
        columns = taken.columns
        assert taken.gone == sorted(gone & model.keys())
        assert taken.came == sorted(expected.keys() - model.keys())
        assert taken.altered == [row.uid for row in found if model.get(row.uid, row) != row]
        if columns is not before and not found:
            assert before.all().rows() == was, "who still has it sees it as it was"
        model = dict(sorted(expected.items()))
        if pack:
            unpacked = Columns.unpacked(io.BytesIO(columns.packed()).read)
            assert unpacked is not None
            columns = unpacked
        same(columns, model)


def same(columns: Columns, model: dict[int, Row]) -> None:
    assert list(columns) == list(model) and len(columns) == len(model)
    assert columns.all().rows() == list(model.values())
    for uid in range(MOST + 2):
        assert columns.get(uid) == model.get(uid)
        assert (uid in columns) == (uid in model)
    for wanted in (list(model), list(model)[1::2], [0, *list(model)[2:], MOST + 9], list(range(3, 9))):
        part, here = columns.part(wanted), [model[uid] for uid in wanted if uid in model]
        assert part.rows() == here
        assert [row.modseq for row in here] == list(part.modseqs)
        assert [row.flags for row in here] == list(part.flags(str))
        assert part.after(5).rows() == [row for row in here if row.modseq > 5]
        assert part.cut(1, 3).rows() == here[1:3]
        assert part.among({2, 3, 5}).rows() == [row for row in here if row.uid in {2, 3, 5}]
    first = columns.flags.first(lambda letters: "S" not in letters)
    assert first == next((at for at, row in enumerate(model.values()) if "S" not in row.flags), -1)


def test_what_is_cut_off_or_from_another_version_is_not_read() -> None:
    packed = Columns.of([row(uid) for uid in range(1, 5)]).packed()
    for length in range(len(packed)):
        assert Columns.unpacked(io.BytesIO(packed[:length]).read) is None
    assert Columns.unpacked(io.BytesIO(packed.replace(b'["1 ', b'["0 ')).read) is None


def test_more_than_256_different_texts() -> None:
    texts = [f"{number:x}" for number in range(300)] * 2
    words = Words()
    for text in texts:
        code = words.code(text)
        words.codes.append(code)
    assert [words[at] for at in range(600)] == texts
    assert isinstance(words.codes, array)
    assert words.first(lambda word: word in ("ff", "100")) == 255
    assert words.first(lambda word: word == "none") == -1
    columns = Columns.of([row(uid, f"{uid:x}") for uid in range(1, 301)])
    unpacked = Columns.unpacked(io.BytesIO(columns.packed()).read)
    assert unpacked is not None and [each.flags for each in unpacked.all().rows()] == [
        f"{n:x}" for n in range(1, 301)
    ]


def test_a_uid_that_is_not_here() -> None:
    columns = Columns.of([row(3)])
    with pytest.raises(KeyError):
        columns[2]
    assert columns.get(2) is None


def test_what_passes_through_a_mailbox_that_stays_loaded_leaves_nothing_behind() -> None:
    few, most = 20, 3000
    columns = Columns.of([row(uid) for uid in range(1, few + 1)])
    for uid in range(few + 1, most):
        came = row(uid)._replace(came=f"moved from F{uid}")
        columns = columns.taking([came], [uid - few]).columns
    assert columns.all().rows() == [
        row(uid)._replace(came=f"moved from F{uid}") for uid in range(most - few, most)
    ]
    assert len(columns._bases) < 3 * few * len(row(most).base) + 2 * SPARE_OCTETS
    assert len(columns._came.words) <= 2 * few + SPARE_WORDS + 1


def test_flags_that_no_message_has_any_more_are_forgotten() -> None:
    columns = Columns.of([row(uid) for uid in (1, 2, 3)])
    for number in range(500):
        letters = "".join(chr(ord("a") + bit) for bit in range(9) if number >> bit & 1)
        columns = columns.taking([row(2, letters, number + 2)], ()).columns
        assert columns[2].flags == letters
        assert len(columns.flags.words) <= 2 * 3 + SPARE_WORDS + 1
    assert [columns[uid].flags for uid in (1, 3)] == ["", ""]


def test_what_comes_into_one_empty_mailbox_comes_into_no_other() -> None:
    first, second = EMPTY.taking([row(1)], []), EMPTY.taking([row(2), row(5)], [1])
    assert [*first.columns] == first.came == [1] and [*second.columns] == second.came == [2, 5]
    assert EMPTY.taking([], [1]).columns is EMPTY and not EMPTY and not EMPTY.flags.words

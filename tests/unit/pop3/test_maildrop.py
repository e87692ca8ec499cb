"""Numbers, sizes and marks of a snapshot."""

import pytest

from pop3.maildrop import Maildrop
from pop3.replies import DELETED, NO_SUCH_MESSAGE, Refused


@pytest.fixture
def drop() -> Maildrop:
    return Maildrop(0x65, (3, 7, 4294967295), (100, 20, 3))


def test_counts_follow_the_marks(drop: Maildrop) -> None:
    assert (drop.count, drop.octets, list(drop.numbers())) == (3, 123, [1, 2, 3])
    drop.deleted.add(2)
    assert (drop.count, drop.octets, list(drop.numbers())) == (2, 103, [1, 3])
    assert drop.to_remove() == [7]
    assert drop.uid(3) == 4294967295


def test_unique_ids_are_uidvalidity_and_uid(drop: Maildrop) -> None:
    assert drop.unique_id(1) == b"0000006500000003"
    assert drop.unique_id_listing(3) == b"3 00000065ffffffff"
    assert drop.scan_listing(1) == b"1 100"


def test_unique_ids_of_mail_that_was_dovecots() -> None:
    drop = Maildrop(0x6B0466BB, (1, 3), (100, 20), uid_first=True)
    assert [drop.unique_id(number) for number in (1, 2)] == [b"000000016b0466bb", b"000000036b0466bb"]


@pytest.mark.parametrize("number", [0, 4, -1, 10**9])
def test_there_is_no_message_of_that_number(drop: Maildrop, number: int) -> None:
    for ask in (drop.uid, drop.size, drop.unique_id, drop.scan_listing):
        with pytest.raises(Refused) as refused:
            ask(number)
        assert refused.value.text == NO_SUCH_MESSAGE


def test_a_marked_message_is_not_to_be_had(drop: Maildrop) -> None:
    drop.deleted.add(1)
    with pytest.raises(Refused) as refused:
        drop.uid(1)
    assert refused.value.text == DELETED

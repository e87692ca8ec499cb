"""A kept answer to LIST is given as long as it is made of the same values, and bounded."""

from imap import listed
from imap.commands.listing import List
from imap.listed import Listed
from storage.rows import MailboxInfo

EVERYTHING = List(b"", (b"*",))


def test_only_what_was_made_of_the_same_is_found() -> None:
    kept = Listed()
    mailboxes, subscribed = [MailboxInfo("INBOX")], frozenset({"INBOX"})
    key = ("taro@example.test", EVERYTHING, False)
    assert kept.find(key, (mailboxes, subscribed)) is None
    kept.keep(key, (mailboxes, subscribed), b"* LIST")
    assert kept.find(key, (mailboxes, subscribed)) == b"* LIST"
    for other in (
        ("hanako@example.test", EVERYTHING, False),
        (key[0], List(b"", (b"%",)), False),
        (*key[:2], True),
    ):
        assert kept.find(other, (mailboxes, subscribed)) is None
    assert kept.find(key, (list(mailboxes), subscribed)) is None
    assert kept.find(key, (mailboxes, frozenset({"INBOX", "Sent"}))) is None
    kept.keep(key, ([], frozenset()), b"")
    assert kept.find(key, (mailboxes, subscribed)) is None


def test_the_one_not_asked_for_longest_goes_first() -> None:
    kept = Listed()
    made: listed.Made = ([], frozenset())
    answer = b"x" * (listed.LARGE - 1)
    keys = [(f"u{number}@example.test", EVERYTHING, False) for number in range(listed.MOST // len(answer))]
    for key in keys:
        kept.keep(key, made, answer)
    assert kept.find(keys[0], made) == answer
    kept.keep(("one-more@example.test", EVERYTHING, False), made, answer)
    assert kept.find(keys[0], made) == answer
    assert kept.find(keys[1], made) is None
    kept.keep(keys[2], made, b"x" * (listed.LARGE + 1))
    assert kept.find(keys[2], made) == answer, "too large to be kept"

"""Spam: the fields, the subject, the words, Bayes, and what the pipeline does with a mail that counts as spam."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.filters import Spam as SpamRules
from filters.mail import Mail
from filters.spam import builtin, degrees
from filters.spam import tokens as words_of
from filters.spam.builtin import Builtin, combined
from filters.spam.check import Spam
from filters.spam.degrees import Degrees
from filters.spam.lesson import unmarked
from filters.spam.reading import Reading, read
from filters.spam.rules import found
from filters.spam.score import Score, forged
from filters.spam.subject import tagged
from filters.spam.tokens import words
from filters.verdict import Action, AuthResult, Verdict
from storage.message import Message
from storage.mime.charset import decode_header
from storage.mime.header import fields, unfold
from storage.state import bayes as store
from storage.state.bayes import SERVER, Bayes, Counts
from tests.house import House, Site
from tests.unit.smtp.conftest import Connect, inbox

NOW = 1_800_000_000.0
HEAD = (
    b"From: Taro <taro@example.com>\r\nTo: hanako@example.test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0900\r\n"
    b"Message-ID: <1@example.com>\r\nSubject: meeting\r\n\r\n"
)


def tokens(data: bytes) -> frozenset[str]:
    return words_of.tokens(read(data))


def mail(data: bytes, results: tuple[AuthResult, ...] = ()) -> Mail:
    head = data[: data.index(b"\r\n\r\n") + 4]
    return Mail("a@example.com", "192.0.2.1", "t", message=Message.of(data), head=head, results=results)


@pytest.mark.parametrize(
    "subject",
    [
        "=?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=",
        "=?UTF-8?B?6KuL5rGC5pu4?=\r\n =?UTF-8?B?44Gu5Lu2?=",
        "plain words",
        "",
        "Re: =?Shift_JIS?B?kL+LgY+R?= and more",
    ],
)
def test_a_marked_subject_reads_as_before(subject: str) -> None:
    head = f"From: a@b\r\nSubject: {subject}\r\nTo: c@d\r\n\r\n".encode()
    prefix, edits = tagged(head)
    assert prefix == b""
    marked = Message.of(head).replace(edits[0].start, edits[0].end, edits[0].text).read()
    (value,) = [
        unfold(marked[each.value_start : each.end]) for each in fields(marked) if each.name == b"subject"
    ]
    before = decode_header(unfold(subject.encode()))
    assert decode_header(value) == f"[SPAM] {before}".rstrip()
    assert marked.startswith(b"From: a@b\r\nSubject: [SPAM] ") and marked.endswith(b"\r\nTo: c@d\r\n\r\n")
    assert tagged(marked) == (b"", ())  # not twice


def test_no_subject_and_a_very_long_one() -> None:
    assert tagged(b"From: a@b\r\n\r\n") == (b"Subject: [SPAM]\r\n", ())
    _, (edit,) = tagged(b"Subject: " + b"x" * 980 + b"\r\n\r\n")
    assert max(map(len, edit.text.split(b"\r\n"))) < 998


def test_the_field_and_forged_ones() -> None:
    score = Score(True, 7.25, 5.0, [f"TEST_{number}" for number in range(100)] + ["evil\r\nX: y"])
    field = score.field()
    assert field.startswith(b"X-Spam-Status: Yes, score=7.2 required=5.0\r\n\ttests=TEST_0,")
    assert all(len(line) < 80 for line in field.split(b"\r\n")) and b"\r\nX" not in field
    head = b"X-Spam-Status: No\r\nSubject: X-Spam\r\nX-SPAM-Flag:\r\n NO\r\nX-Spammer: y\r\n\r\n"
    assert [head[each.start : each.end].split(b":")[0] for each in forged(head)] == [
        b"X-Spam-Status",
        b"X-SPAM-Flag",
        b"X-Spammer",
    ]


def test_words_of_texts_with_and_without_spaces() -> None:
    assert words("会議室の予約") == {"会議", "議室", "室の", "の予", "予約"}
    assert words("Hello, WORLD's end x") == {"hello", "world's", "end"}
    assert words("ｶﾞ gaガ") == {"ガ", "ga"}


@given(st.binary(max_size=400))
def test_any_octets_have_tokens(data: bytes) -> None:
    assert len(tokens(data)) <= words_of.MOST_TOKENS


def test_tokens_are_bounded_whatever_comes() -> None:
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = " ".join("".join(rng.choices(letters, k=9)) for _ in range(100_000))
    assert len(tokens(HEAD + text.encode())) == words_of.MOST_TOKENS


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (HEAD + b"hello\r\n", set()),
        (b"Subject: x\r\n\r\n", {"MISSING_MID", "MISSING_FROM", "MISSING_TO", "MISSING_DATE"}),
        (HEAD.replace(b"meeting", b"FREE MONEY FOR EVERYBODY") + b"x", {"SUBJECT_ALL_CAPS"}),
        (HEAD.replace(b"meeting", b"Re: what you asked") + b"x", {"FAKED_REPLY"}),
        (HEAD.replace(b"Mon, 23 Nov 2026 10:00:00 +0900", b"yesterday") + b"x", {"INVALID_DATE"}),
        (HEAD + b"see http://192.0.2.7/login \r\n", {"LINK_TO_NUMBERS"}),
        (HEAD + b"see http://bank.example@evil.example/ \r\n", {"LINK_WITH_LOGIN"}),
        (
            HEAD.replace(b"\r\n\r\n", b"\r\nContent-Type: text/html\r\n\r\n")
            + b'<a href="http://evil.example/x"><b>https://bank.example/</b></a>',
            {"HTML_ONLY", "LINK_SAYS_ANOTHER"},
        ),
        (
            HEAD.replace(b"\r\n\r\n", b'\r\nContent-Type: application/zip; name="bill.pdf.exe"\r\n\r\n')
            + b"x",
            {"DANGEROUS_ATTACHMENT"},
        ),
        (b"From: x@y.example\r\n" + HEAD + b"x", {"REPEATED_FIELD"}),
    ],
)
def test_rules(data: bytes, names: set[str]) -> None:
    assert {name for name, _ in found(read(data))} == names


def test_sender_authentication_counts() -> None:
    bad = (AuthResult("spf", "fail"), AuthResult("dkim", "none"), AuthResult("dmarc", "fail"))
    assert dict(found(read(HEAD), bad)) == {"SPF_FAIL": 1.5, "DMARC_FAIL": 2.0}
    good = (AuthResult("spf", "pass"), AuthResult("dkim", "pass"), AuthResult("dmarc", "pass"))
    assert sum(points for _, points in found(read(HEAD), good)) < 0


def hop(work: Callable[..., object], *arguments: object) -> "asyncio.Future[object]":
    """What a thread would do, done at once."""
    future = asyncio.get_running_loop().create_future()
    future.set_result(work(*arguments))
    return future


@pytest.fixture
def bayes(tmp_path: Path) -> Bayes:
    return Bayes(tmp_path, lambda: NOW)


def test_what_is_learned_is_counted_once_and_can_be_taken_back(bayes: Bayes) -> None:
    assert bayes.learn("", "m1", ["a", "b"], spam=True)
    assert not bayes.learn("", "m1", ["a", "b"], spam=True)
    assert (bayes.totals(""), bayes.counts("", ["a", "c"])) == (Counts(1, 0), {"a": Counts(1, 0)})
    assert bayes.learn("", "m1", ["a", "b"], spam=False)
    assert (bayes.totals(""), bayes.counts("", ["a"])) == (Counts(0, 1), {"a": Counts(0, 1)})
    assert bayes.totals("taro@example.test") == Counts(0, 0)


def text(kind: str, rng: random.Random) -> bytes:
    own = {
        "spam": [
            "当選",
            "無料",
            "今すぐ",
            "現金",
            "激安",
            "秘密",
            "投資",
            "儲かる",
            "登録",
            "winner",
            "casino",
            "bonus",
            "lottery",
        ],
        "ham": [
            "会議",
            "請求書",
            "資料",
            "議事録",
            "予約",
            "見積書",
            "納品",
            "部長",
            "出張",
            "minutes",
            "invoice",
            "agenda",
            "travel",
        ],
    }
    common = ["です", "ます", "the", "and", "日本", "mail", "お願い"]
    return HEAD + " ".join(rng.choices(own[kind], k=16) + rng.choices(common, k=12)).encode() + b"\r\n"


def reading(kind: str, rng: random.Random) -> Reading:
    return read(text(kind, rng))


def test_it_tells_apart_what_it_was_taught_and_is_silent_before(bayes: Bayes) -> None:
    rng = random.Random(7)
    assert Builtin(bayes).probability(reading("spam", rng), None) is None
    for number in range(40):
        for kind in ("spam", "ham"):
            bayes.learn(SERVER, f"{kind} {number}", tokens(text(kind, rng)), spam=kind == "spam")
    engine = Builtin(bayes)
    assert all((engine.probability(reading("spam", rng), None) or 0) > 0.8 for _ in range(10))
    assert all((engine.probability(reading("ham", rng), None) or 1) < 0.1 for _ in range(10))
    assert engine.score(mail(text("spam", rng)), 4.0).spam
    assert not engine.score(mail(text("ham", rng)), 4.0).spam
    nothing = HEAD + b"xyzzy plugh\r\n"
    assert 0.05 < (engine.probability(read(nothing), None) or 0) < 0.95


def test_an_account_that_has_taught_enough_is_asked_first(bayes: Bayes) -> None:
    rng = random.Random(8)
    for number in range(30):
        for kind in ("spam", "ham"):
            data = tokens(text(kind, rng))
            bayes.learn(SERVER, f"{kind} {number}", data, spam=kind == "spam")
            bayes.learn("odd@example.test", f"{kind} {number}", data, spam=kind == "ham")
    engine = Builtin(bayes)
    assert (engine.probability(reading("spam", rng), "odd@example.test") or 1) < 0.5
    assert (engine.probability(reading("spam", rng), "new@example.test") or 0) > 0.5


@given(st.lists(st.floats(0.001, 0.999), max_size=400))
def test_the_combination_is_a_probability(degrees: list[float]) -> None:
    assert 0 <= combined(degrees) <= 1


def test_degrees_are_remembered_and_what_others_teach_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(degrees, "monotonic", lambda: now[0])
    here, there = Degrees(Bayes(tmp_path, lambda: NOW)), Bayes(tmp_path, lambda: NOW)

    def said(words: str) -> list[float]:
        return sorted(here.telling(SERVER, frozenset(words)))

    for number in range(degrees.ENOUGH):
        there.learn(SERVER, f"s{number}", ["a"], spam=True)
        there.learn(SERVER, f"h{number}", ["b"], spam=False)
    assert (here.scope(None), here.scope("x@example.test")) == (SERVER, SERVER)
    a, b, c = (pytest.approx(each, abs=0.01) for each in (0.99, 0.01, 0.845))
    assert said("abc") == [b, a]
    there.learn(SERVER, "c", ["c"], spam=True)
    assert said("c") == []
    now[0] += degrees.STALE
    assert said("c") == [c]
    here._room = 3  # more than there is room for: still right
    assert said("defgca") == [c, a] and said("ca") == [c, a]
    assert here._room > 0


def test_a_word_that_an_account_has_not_taught_counts_as_for_all(bayes: Bayes) -> None:
    here, account = Degrees(bayes), "taro@example.test"
    for number in range(degrees.ENOUGH):
        for kind, spam in (("s", True), ("h", False)):
            bayes.learn(SERVER, f"{kind}{number}", [kind, "mine"] if spam else [kind], spam=spam)
            bayes.learn(account, f"{kind}{number}", ["other"] if spam else ["mine"], spam=spam)
    assert here.scope(account) == account and here.scope(None) == SERVER
    words = frozenset(("s", "h", "mine", "never"))
    s, h = (pytest.approx(each, abs=0.01) for each in (0.99, 0.01))
    for _ in range(2):  # read, and remembered
        assert sorted(here.telling(account, words)) == [h, h, s]
        assert sorted(here.telling(SERVER, words)) == [h, s, s]


def test_the_most_telling_are_those_farthest_from_a_half() -> None:
    rng = random.Random(3)
    for count in (1, builtin.TELLING, builtin.TELLING + 1, 500):
        degrees = [rng.choice((rng.uniform(0.001, 0.4), rng.uniform(0.6, 0.999), 0.2)) for _ in range(count)]
        expected = sorted(degrees, key=lambda each: min(each, 1 - each))[: builtin.TELLING]
        found = builtin._most_telling(degrees)
        assert sorted(min(each, 1 - each) for each in found) == [min(each, 1 - each) for each in expected]


async def test_what_one_mail_does_to_the_engine_is_not_the_others(
    bayes: Bayes, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Builtin(bayes)

    def broken(mail: Mail, required: float) -> Score:
        if mail.trace == "t":
            raise ValueError("broken")
        return Score(False, 0.0, required)

    monkeypatch.setattr(engine, "score", broken)
    check = Spam(lambda: SpamRules.model_validate({}), engine, hop)
    odd, plain = check.message(mail(HEAD)), check.message(replace(mail(HEAD), trace="u"))
    raised, verdict = await asyncio.gather(odd, plain, return_exceptions=True)
    assert isinstance(raised, ValueError)
    assert isinstance(verdict, Verdict) and verdict.action is Action.PASS
    first, second = engine.scores([(mail(HEAD), 5.0), (replace(mail(HEAD), trace="u"), 5.0)])
    assert isinstance(first, ValueError) and isinstance(second, Score)


def test_room_for_words_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOW]
    bayes = Bayes(tmp_path, lambda: now[0])
    bayes.learn(SERVER, "old", ["once", "often"], spam=True)
    now[0] += (store.FORGOTTEN + 1) * 86_400
    bayes.learn(SERVER, "new", ["often", "young", "younger"], spam=True)
    bayes.learn("x@example.test", "new", ["p", "q", "r"], spam=True)
    monkeypatch.setattr(store, "SERVER_MOST", 2)
    bayes.tidy()
    known = bayes.counts(SERVER, ["once", "often", "young", "younger"])
    assert len(known) == 2 and known["often"] == Counts(2, 0) and "once" not in known
    assert len(bayes.counts("x@example.test", ["p", "q", "r"])) == 3
    assert bayes.scopes() == ["x@example.test"]
    bayes.forget("x@example.test")
    assert bayes.scopes() == [] and bayes.totals(SERVER) == Counts(2, 0)


def test_a_lesson_is_without_our_own_marks() -> None:
    plain = b"Subject: =?UTF-8?B?6KuL?=\r\nFrom: a@b\r\n\r\n[SPAM] body\r\nX-Spam-Status: No\r\n"
    prefix, edits = tagged(plain)
    (edit,) = edits
    marked = prefix + plain[: edit.start] + edit.text + plain[edit.end :]
    assert b"[SPAM] =?UTF-8" in marked
    assert unmarked(Score(True, 9, 5, ["A"] * 40).field() + marked) == plain


def test_our_own_fields_are_no_words() -> None:
    ours = b"Received: x\r\nX-Spam-Status: Yes\r\nAuthentication-Results: y\r\nReturn-Path: <>\r\n"
    assert tokens(ours + HEAD) == tokens(HEAD)


@pytest.mark.parametrize(
    "hostile",
    [
        b"<a href=http://" + b"x" * 100_000,
        b"<a href=http://x>" * 20_000,
        b"<a " + b"href=http://x " * 10_000,
        b"<a href=http://x>" + b"<b>" * 40_000,
        b"http://" + b"1" * 200_000,
        b"http://a@" * 30_000,
        b"<" * 200_000,
        b"https://" + b"a." * 100_000,
    ],
    ids=range(8),
)
def test_hostile_markup_is_looked_at_once(hostile: bytes, bayes: Bayes) -> None:
    data = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Type: text/html\r\n\r\n") + hostile
    for scope in ("spam", "ham"):
        for number in range(20):
            bayes.learn(SERVER, f"{scope}{number}", [scope], spam=scope == "spam")
    began = time.process_time()
    Builtin(bayes).score(mail(data), 5.0)
    assert time.process_time() - began < 1


def test_what_lists_in_dns_say_counts(bayes: Bayes) -> None:
    judged = Verdict(points=(("DNSBL", 4.0),))
    score = Builtin(bayes).score(replace(mail(HEAD), judged=judged), 5.0)
    assert (score.score, score.tests) == (4.0, ["DNSBL"])


@pytest.mark.parametrize("engine", ["none", "builtin"])
async def test_what_a_judge_wants_treated_as_spam_says_so(bayes: Bayes, engine: str) -> None:
    check = Spam(lambda: SpamRules.model_validate({"engine": engine}), Builtin(bayes), hop)
    verdict = await check.message(
        replace(mail(HEAD), judged=Verdict(Action.QUARANTINE, reason="p=quarantine"))
    )
    assert verdict.action is Action.QUARANTINE
    (field,) = verdict.fields
    assert field.startswith(b"X-Spam-Status: Yes, score=0.0 required=5.0") and b"tests=QUARANTINED" in field
    verdict = await check.message(mail(HEAD))
    assert (verdict.action, len(verdict.fields)) == (Action.PASS, engine == "builtin")


SPAM = (
    b"Subject: =?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=\r\nX-Spam-Status: No, score=-99\r\n"
    b'Content-Type: text/html; name="x.exe"\r\n\r\n'
    b'<a href="http://192.0.2.7/">https://bank.example/</a> http://a.example@b.example/\r\n'
)


@pytest.fixture
async def house(site: Site) -> AsyncIterator[House]:
    site.configure(filters="{}")
    site.write_account("taro", "spam: {tag_subject: true, to_junk: true}\n")
    house = await House(site).open()
    yield house
    await house.close()


async def test_spam_is_marked_and_sorted_as_each_account_wants(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(SPAM, "taro@example.test", "hanako@example.test")).startswith("250")
    assert await inbox(house, "taro") == []
    (hers,) = await inbox(house, "hanako")
    (his,) = await inbox(house, "taro", "Junk")
    for each in (his, hers):
        assert b"\r\nX-Spam-Status: Yes, score=" in b"\r\n" + each
        assert each.count(b"X-Spam-Status") == 1
    assert b"Subject: [SPAM] =?ISO-2022-JP?B?" in his and b"Subject: =?ISO-2022-JP?B?" in hers


async def test_other_mail_says_no(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(HEAD + b"hello\r\n", "taro@example.test")).startswith("250")
    (stored,) = await inbox(house, "taro")
    assert b"\r\nX-Spam-Status: No, score=" in b"\r\n" + stored

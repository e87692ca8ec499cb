"""The words of SMTP: what is understood, what is refused, and with which reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp import grammar, replies
from smtp.commands import COMMANDS
from smtp.grammar import AuthCommand, Chunk, MailCommand, Malformed
from storage.people.address import parse

# What stands after RCPT, and the address as it is looked up.
ADDRESSES = [
    (b"TO:<taro@example.jp>", "taro@example.jp"),
    (b"to:<taro@EXAMPLE.jp>", "taro@example.jp"),
    (b"TO:<Taro@example.jp>", "Taro@example.jp"),  # the local part keeps its case
    (b"TO: <taro@example.jp>", "taro@example.jp"),
    (b"TO:taro@example.jp", "taro@example.jp"),
    (b'TO:<"taro"@example.jp>', "taro@example.jp"),
    (b'TO:<"t\\aro"@example.jp>', "taro@example.jp"),
    (b'TO:<"taro yamada"@example.jp>', '"taro yamada"@example.jp'),
    (b'TO:<"a>b"@example.jp>', '"a>b"@example.jp'),
    (b'TO:<"a@b"@example.jp>', '"a@b"@example.jp'),
    (b'TO:<"\\"q\\""@example.jp>', '"\\"q\\""@example.jp'),
    (b"TO:<a..b@docomo.ne.jp>", "a..b@docomo.ne.jp"),
    (b"TO:<.a.@ezweb.ne.jp>", ".a.@ezweb.ne.jp"),
    (b"TO:<taro+shop@example.jp>", "taro+shop@example.jp"),
    (b"TO:<user%other@example.jp>", "user%other@example.jp"),
    (b"TO:<other!user@example.jp>", "other!user@example.jp"),
    (b"TO:<user@[127.0.0.1]>", "user@[127.0.0.1]"),
    (b"TO:<user@[IPv6:::1]>", "user@[ipv6:::1]"),
    (b"TO:<@one.jp,@two.jp:user@three.jp>", "user@three.jp"),  # the route is dropped
    (b"TO:<@example.jp:user@[127.0.0.1]>", "user@[127.0.0.1]"),
    (b"TO:<" + b"x" * 200 + b"@example.jp>", "x" * 200 + "@example.jp"),
    ("TO:<太郎@example.jp>".encode(), "太郎@example.jp"),
]


@pytest.mark.parametrize(("rest", "address"), ADDRESSES)
def test_rcpt(rest: bytes, address: str) -> None:
    assert str(grammar.rcpt(rest).address) == address


def test_postmaster_needs_no_domain() -> None:
    assert grammar.rcpt(b"TO:<PostMaster>").address == grammar.POSTMASTER


REFUSED = [
    (b"", replies.SYNTAX),
    (b"<taro@example.jp>", replies.SYNTAX),
    (b"TO:", replies.BAD_ADDRESS),
    (b"TO:<>", replies.BAD_ADDRESS),
    (b"TO:<taro>", replies.BAD_ADDRESS),
    (b"TO:<taro@>", replies.BAD_ADDRESS),
    (b"TO:<@example.jp>", replies.BAD_ADDRESS),
    (b'TO:<""@example.jp>', replies.BAD_ADDRESS),
    (b"TO:<taro@example.jp", replies.BAD_ADDRESS),
    (b"TO:<taro@example.jp>x", replies.BAD_ADDRESS),
    (b"TO:<taro yamada@example.jp>", replies.BAD_ADDRESS),
    (b"TO:<a@b@example.jp>", replies.BAD_ADDRESS),
    (b"TO:<taro@exam ple.jp>", replies.BAD_ADDRESS),
    (b"TO:<taro@../../etc>", replies.BAD_ADDRESS),
    (b"TO:<taro@-example.jp>", replies.BAD_ADDRESS),
    (b"TO:<ta\x01ro@example.jp>", replies.BAD_ADDRESS),
    (b"TO:<taro@example.jp\x7f>", replies.BAD_ADDRESS),
    (b"TO:<" + b"x" * 2000 + b"@example.jp>", replies.BAD_ADDRESS),
    (b"TO:<taro@" + b"x" * 2000 + b">", replies.BAD_ADDRESS),
    (b"TO:<@" + b"x" * 2000 + b":taro@example.jp>", replies.BAD_ADDRESS),
    (b"TO:<\xff@example.jp>", replies.BAD_UTF8),
    (b"TO:<taro@example.jp> FOO=1", replies.PARAMETER_UNKNOWN),
    (b"TO:<taro@example.jp> RET=FULL", replies.PARAMETER_UNKNOWN),
]


@pytest.mark.parametrize(("rest", "reply"), REFUSED)
def test_rcpt_refused(rest: bytes, reply: replies.Reply) -> None:
    with pytest.raises(Malformed) as refused:
        grammar.rcpt(rest)
    assert refused.value.reply == reply


TARO = parse("taro@example.jp")
MAILS = [
    (b"FROM:<taro@example.jp>", MailCommand(TARO)),
    (b"FROM:<>", MailCommand(None)),
    (b"from: <taro@example.jp>", MailCommand(TARO)),
    (b"FROM:<taro@example.jp> size=100 Body=8bitmime", MailCommand(TARO, 100, "8BITMIME")),
    (b"FROM:<taro@example.jp>  BODY=7BIT   SIZE=0", MailCommand(TARO, 0)),
    (b"FROM:<taro@example.jp> SMTPUTF8", MailCommand(TARO, smtputf8=True)),
    ("FROM:<太郎@example.jp> SMTPUTF8".encode(), MailCommand(parse("太郎@example.jp"), smtputf8=True)),
    (b"FROM:<taro@example.jp> AUTH=aBc+3D", MailCommand(TARO, auth="aBc+3D")),
    (b"FROM:<taro@example.jp> AUTH=<>", MailCommand(TARO, auth="<>")),
]


@pytest.mark.parametrize(("rest", "command"), MAILS)
def test_mail(rest: bytes, command: MailCommand) -> None:
    assert grammar.mail(rest) == command


MAILS_REFUSED = [
    (b"FROM:<taro>", replies.BAD_SENDER),
    (b"FROM:taro example", replies.BAD_SENDER),
    (b"FROM:<taro@example.jp> SIZE", replies.SYNTAX),
    (b"FROM:<taro@example.jp> SIZE=x", replies.SYNTAX),
    (b"FROM:<taro@example.jp> SIZE=-1", replies.SYNTAX),
    (b"FROM:<taro@example.jp> SIZE=" + b"9" * 30, replies.SYNTAX),
    (b"FROM:<taro@example.jp> SIZE=1 SIZE=2", replies.PARAMETER_TWICE),
    (b"FROM:<taro@example.jp> SMTPUTF8 SMTPUTF8", replies.PARAMETER_TWICE),
    (b"FROM:<taro@example.jp> SMTPUTF8=1", replies.SYNTAX),
    (b"FROM:<taro@example.jp> BODY=BINARY", replies.SYNTAX),
    (b"FROM:<taro@example.jp> BODY", replies.SYNTAX),
    (b"FROM:<taro@example.jp> AUTH", replies.SYNTAX),
    (b"FROM:<taro@example.jp> =1", replies.SYNTAX),
    (b"FROM:<taro@example.jp> NOTIFY=NEVER", replies.PARAMETER_UNKNOWN),
    ("FROM:<太郎@example.jp>".encode(), replies.NON_ASCII),
    (b"FROM:<\xff@example.jp> SMTPUTF8", replies.BAD_UTF8),
]


@pytest.mark.parametrize(("rest", "reply"), MAILS_REFUSED)
def test_mail_refused(rest: bytes, reply: replies.Reply) -> None:
    with pytest.raises(Malformed) as refused:
        grammar.mail(rest)
    assert refused.value.reply == reply


def test_parameter_values_keep_their_case() -> None:
    assert grammar.mail(b"FROM:<taro@example.jp> auth=TaRo+40X").auth == "TaRo+40X"


@pytest.mark.parametrize(
    ("line", "verb", "rest"),
    [
        (b"NOOP\r\n", "NOOP", b""),
        (b"noop hello\r\n", "NOOP", b"hello"),
        (b"MAIL FROM:<>  \r\n", "MAIL", b"FROM:<>"),
        (b"\r\n", "", b""),
        (b"\xffX\r\n", "\N{REPLACEMENT CHARACTER}X", b""),
    ],
)
def test_split(line: bytes, verb: str, rest: bytes) -> None:
    assert grammar.split(line) == (verb, rest)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rRSET\r\n", b"NO\0OP\r\n", b"NOOP\r\r\n"])
def test_lines_end_with_crlf_and_with_nothing_else(line: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        grammar.split(line)
    assert refused.value.reply == replies.LINE_END


@pytest.mark.parametrize(
    ("rest", "chunk"),
    [
        (b"0 LAST", Chunk(0, True)),
        (b"100", Chunk(100, False)),
        (b"100 last", Chunk(100, True)),
        (b"", None),
        (b"LAST", None),
        (b"-1", None),
        (b"1 2", None),
        (b"1 LAST LAST", None),
        (b"9" * 40, None),
    ],
)
def test_bdat(rest: bytes, chunk: Chunk | None) -> None:
    assert grammar.bdat(rest) == chunk


def test_auth() -> None:
    assert grammar.auth(b"plain AGEAYg==") == AuthCommand(b"PLAIN", b"AGEAYg==")
    assert grammar.auth(b"PLAIN =") == AuthCommand(b"PLAIN", b"")
    assert grammar.auth(b"LOGIN") == AuthCommand(b"LOGIN", None)
    for wrong in (b"", b"PLAIN a b"):
        with pytest.raises(Malformed):
            grammar.auth(wrong)


def test_name_is_one_word_of_bounded_length() -> None:
    assert grammar.name(b"my_host.local") == "my_host.local"
    for wrong in (b"", b"two words", b"x" * 256, b"a\x01b"):
        with pytest.raises(Malformed):
            grammar.name(wrong)


ANY_REST = st.one_of(
    st.binary(max_size=200),
    st.text('FROMTO:<>@" \\,;[]().=+%!abü', max_size=60).map(lambda text: text.encode()),
    st.text('<>@" \\,;[]().=+%!abü', max_size=60).map(lambda text: b"FROM:<" + text.encode()),
    st.text('<>@" \\,;[]().=+%!abü', max_size=60).map(lambda text: b"TO:<" + text.encode()),
)


@given(ANY_REST)
def test_parsers_answer_or_refuse_whatever_comes(rest: bytes) -> None:
    for command in COMMANDS:
        try:
            command.parse(rest)
        except Malformed as refused:
            assert refused.reply.code >= 500, command.name


@given(ANY_REST)
def test_an_accepted_address_is_read_back_as_itself(rest: bytes) -> None:
    try:
        address = grammar.rcpt(rest).address
    except Malformed:
        return
    if address != grammar.POSTMASTER:
        assert parse(str(address)) == address
        assert grammar.rcpt(f"TO:<{address}>".encode()).address == address

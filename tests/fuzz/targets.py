"""What every parser promises for any octets: it gives a value or its own error, and the value keeps its invariants.

A target takes octets and raises only where a promise is broken. `test_targets.py` runs all of them with
hypothesis in every test run, `run.py` one of them with atheris for as long as one likes. To fuzz a new grammar
write a function here and put it into `TARGETS` with some good examples.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from config import edit
from config.account import AccountFile
from config.load import validate
from config.problem import ConfigError
from filters.authors import Unclear, mailboxes
from imap import format as wire
from imap import mailbox_name, pattern
from imap.framing import Frame, Literal
from imap.replies import Bad, No
from imap.scanner import BadSyntax, Scanner
from imap.sequence import NUMBER, OutOfRange
from imap.sequence import parse as sequence_set
from imap.table import TABLE
from net import sasl
from net.inbuffer import InBuffer, LineTooLong
from pop3 import grammar as pop3
from pop3.replies import Refused
from pop3.stuffing import pieces
from pop3.table import BY_NAME as POP3
from smtp import grammar as smtp
from smtp.commands import SMTP
from smtp.data import Data
from smtp.received import Hop, received
from storage import filename, layout
from storage.errors import NameRefused
from storage.mime import header
from storage.mime import parts as mime
from storage.mime.addresses import ADDRESSES, addresses
from storage.mime.content import disposition, languages, media_type, token
from storage.mime.summary import summarise
from storage.people.address import AddressError, canonical
from tests.attacks.balanced import balanced
from tests.fuzz import peers, texts


def cuts(data: bytes) -> tuple[bytes, list[int]]:
    """Octets, and places to cut them: the first octet says how far apart."""
    step = data[0] % 17 + 1 if data else 1
    return data[1:], list(range(0, len(data), step))


def pieces_of(data: bytes, places: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def imap_commands(data: bytes) -> None:
    """Framing cut anywhere, then the table: a command is parsed or refused, and refused in ASCII."""
    text, places = cuts(data)
    frame, buffer = Frame(4096), InBuffer()
    rest = list(reversed(pieces_of(text, places)))
    literal: Literal | None = None
    while True:
        try:
            if literal is not None:
                octets = buffer.take(literal.size)
                while len(octets) < literal.size and rest:
                    buffer.add(rest.pop())
                    octets += buffer.take(literal.size - len(octets))
                frame.literal(octets)
                literal = None
            line = buffer.line(1024)
        except LineTooLong:
            return
        if line is None:
            if not rest:
                break
            buffer.add(rest.pop())
            continue
        try:
            literal = frame.line(line)
        except BadSyntax as error:
            assert error.text.isascii()
            return
        if literal is None or not frame.fits(literal):
            break
    assert len(frame.text) <= 3 * 4096
    imap_arguments(frame.text)


def imap_arguments(text: bytes) -> None:
    try:
        scanner = Scanner(text)
        row = TABLE.find(scanner)
        row.parse(scanner)
        scanner.end()
    except BadSyntax as error:
        assert error.text.isascii() and "\n" not in error.text
    except (Bad, No):
        pass


def imap_sequence(data: bytes) -> None:
    try:
        found = sequence_set(data)
    except BadSyntax:
        return
    assert all(1 <= low <= high <= NUMBER for low, high in found.ranges)
    assert all(a[1] + 1 < b[0] for a, b in zip(found.ranges, found.ranges[1:], strict=False))
    known = (1, 3, 5, 1000, NUMBER)
    spans = found.uids(known)
    assert all(0 <= start < stop <= len(known) for start, stop in spans)
    try:
        assert all(0 <= start < stop <= 7 for start, stop in found.numbers(7))
    except OutOfRange:
        pass


def imap_names(data: bytes) -> None:
    """One spelling for a name, and what the store takes of it lies in one folder below the Maildir."""
    try:
        name = mailbox_name.decode(data)
    except mailbox_name.BadName:
        return
    assert mailbox_name.encode(name) == data or name.startswith("INBOX")
    balanced(wire.mailbox(name))
    pattern.matcher(name)("INBOX/x")
    folder_of(name)


def folder_of(name: str) -> None:
    try:
        name = layout.canonical_name(name)
    except NameRefused:
        return
    folder = layout.folder_name(name)
    assert "/" not in folder and "\0" not in folder and folder not in (".", "..")
    assert len(folder.encode()) <= layout.NAME_MOST
    assert layout.mailbox_name(folder) == name


def smtp_commands(data: bytes) -> None:
    try:
        verb, rest = smtp.split(data + b"\r\n")
        row = SMTP.get(verb)
        if row is not None:
            parsed = row.parse(rest)
            if verb in ("EHLO", "HELO"):
                hop = Hop(parsed, True, "192.0.2.1", None, False, False)
                assert received(hop, "h.example", "t", None, 0).count(b"\r\n") == 3
    except smtp.Malformed as error:
        assert 500 <= error.reply.code < 600


def smtp_data(data: bytes) -> None:
    """Cut anywhere the result is the same, and what is taken without fault has only whole line ends."""
    text, places = cuts(data)
    once, many = Data(1000), Data(1000)
    whole = once.feed(text)
    out = b""
    left = pieces_of(text, places)
    while left and not many.done:
        out += many.feed(left.pop(0))
    assert many.done == once.done
    if once.done:
        assert (out, many.rest + b"".join(left)) == (whole, once.rest) or once.fault
        assert many.fault == once.fault
        if once.fault is None:
            assert b"\r" not in whole.replace(b"\r\n", b"") and b"\n" not in whole.replace(b"\r\n", b"")


def pop3_commands(data: bytes) -> None:
    try:
        line = pop3.split(data + b"\r\n")
        row = POP3.get(line.keyword)
        if row is not None:
            row.parse(line.rest)
    except pop3.BadSyntax as error:
        assert b"\r" not in error.args[0] and b"\n" not in error.args[0]
    except Refused:
        pass


def pop3_message(data: bytes) -> None:
    """Whatever a message holds, its response ends where it ends, for clients that take LF for a line end too."""
    text, places = cuts(data)
    out = b"".join(pieces(pieces_of(text, places)))
    assert out == b"".join(pieces([text]))
    assert out.endswith((b"\r\n.\r\n", b".\r\n"))
    assert b"\n.\n" not in out and b"\n.\r\n" not in out[:-3]


def message(data: bytes) -> None:
    """MIME, header, addresses, ENVELOPE and BODYSTRUCTURE."""
    root = mime.parse(data, depth=10, parts=50)
    work = [root]
    while work:
        part = work.pop()
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(data)
        work += part.children
        if part.message is not None:
            work.append(part.message)
    summary = summarise(data)
    for answer in (summary.envelope, summary.bodystructure, summary.body):
        balanced(answer)


def header_fields(data: bytes) -> None:
    end = header.end_of_header(data)
    assert end == -1 or 0 < end <= len(data)
    last = 0
    for field in header.fields(data):
        assert last <= field.start < field.value_start <= field.end <= len(data)
        last = field.end
    for _, value in header.values(data):
        header.unfold(value)
        assert len(addresses(value)) <= ADDRESSES + 1
        media_type(value), disposition(value), languages(value), token(value)


def address(data: bytes) -> None:
    try:
        text = canonical(data.decode("utf-8", "surrogateescape"))
    except AddressError:
        return
    assert canonical(text) == text
    local, _, domain = text.rpartition("@")
    try:
        path = layout.account_dir(Path("/data"), text)
    except NameRefused:
        return
    assert path.parts == ("/", "data", "mail", domain, local) and ".." not in path.parts


def authors(data: bytes) -> None:
    """From of a submission: understood in one way, the same that ENVELOPE shows, or refused."""
    value = header.unfold(data)
    try:
        found = mailboxes(value)
    except Unclear as error:
        assert str(error).isascii()
        return
    shown = [each for each in addresses(value) if each.mailbox is not None and each.host is not None]
    assert len(shown) == len(found)
    for address, each in zip(found, shown, strict=True):
        domain = (each.host or b"").decode("utf-8", "replace")
        assert canonical(address).rpartition("@")[2] == canonical(f"x@{domain}")[2:]


def file_name(data: bytes) -> None:
    name = filename.parse(data.decode("utf-8", "surrogateescape"))
    assert "," not in name.base and ":" not in name.base
    assert name.size is None or 0 <= name.size < 10**16
    assert name.flags == "".join(sorted(set(name.flags)))
    folder = data.decode("utf-8", "surrogateescape")
    found = layout.mailbox_name(folder) if "/" not in folder and "\0" not in folder else None
    if found is not None:
        assert layout.folder_name(found) == folder


def account_file(data: bytes) -> None:
    """The YAML of an account: a model, or problems that name a line; an edit keeps it so."""
    try:
        validate(AccountFile, data, Path("x.yaml"))
    except ConfigError as error:
        assert error.problems and all(problem.line >= 0 for problem in error.problems)
        return
    text = data.decode()
    changed = edit.edit(text, {"comment": "changed"})
    assert validate(AccountFile, changed.encode(), Path("x.yaml")).comment == "changed"


def sasl_exchange(data: bytes) -> None:
    decoded = sasl.decode(data)
    for mechanism in sasl.MECHANISMS.values():
        for response in {data, decoded}:
            if response is not None:
                step = mechanism(b"").start(response)
                if isinstance(step, sasl.Credentials):
                    assert step.login and step.password
                    assert "password" not in repr(step).replace(step.login, "").replace(step.authzid, "")


class Target(NamedTuple):
    run: Callable[[bytes], None]
    examples: tuple[bytes, ...]


TARGETS = {
    "imap_commands": Target(
        imap_commands,
        (
            b"\0a LOGIN {4}\r\ntaro {3+}\r\nx y\r\n",
            b'\1a SEARCH CHARSET UTF-8 OR (SEEN 1:*) NOT SUBJECT "x"\r\n',
            b"\2a UID FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (DATE)]<0.10>) (CHANGEDSINCE 5)\r\n",
            b'\3a LIST (SUBSCRIBED) "" (a% "*") RETURN (CHILDREN STATUS (MESSAGES))\r\n',
            b'\4a APPEND INBOX (\\Seen x) "17-Jul-1996 02:44:25 -0700" {10}\r\n',
            b"\5a STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Deleted)\r\n",
            b'\6a APPEND x CATENATE (URL "/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=1.MIME" TEXT ~{2+}\r\nab)\r\n',
            b"\7a UID REPLACE 4 Drafts (\\Draft) UTF8 (~{1}\r\nx)\r\n",
            b'\0a SETMETADATA "" (/shared/comment {2+}\r\nab /private/x NIL)\r\n',
            b"\1a NOTIFY SET STATUS (SELECTED (MessageNew (UID) MessageExpunge)) (SUBTREE (a b) (MailboxName))\r\n",
            b"\2a ESEARCH IN (mailboxes x subtree-one (y z)) RETURN (PARTIAL 1:5 COUNT) UNSEEN\r\n",
            b"\3a UID THREAD REFERENCES UTF-8 SUBJECT {3+}\r\n\xe4\xbb\xb6\r\n",
            b"\4a SORT RETURN (MIN) (REVERSE SUBJECT DISPLAYFROM) UTF-8 SAVEDSINCE 1-Feb-2026\r\n",
            b"\5a SETACL INBOX hanako@example.test +lrs\r\n",
            b"\6a SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211 (1,9 41,211)) CONDSTORE)\r\n",
        ),
    ),
    "imap_sequence": Target(imap_sequence, (b"1:*,5,7:9,*:3", b"4294967295", b"*")),
    "imap_names": Target(imap_names, (b"INBOX", b"a/b", b"&ZeVnLIqe-/&-", b"&AC4ALg-")),
    "smtp_commands": Target(
        smtp_commands,
        (
            b'MAIL FROM:<"a b"@x.example> SIZE=10 BODY=8BITMIME SMTPUTF8 AUTH=<>',
            b"RCPT TO:<@a,@b:c@d.example>",
            b"BDAT 10 LAST",
            b"AUTH PLAIN =",
            b"EHLO [IPv6:::1]",
        ),
    ),
    "smtp_data": Target(
        smtp_data, (b"\0a\r\n..b\r\n.\r\nNOOP\r\n", b"\1x\n.\n", b"\2.\r\n", b"\3x\r.\r\n\r\n.\r\n")
    ),
    "pop3_commands": Target(pop3_commands, (b"TOP 1 2", b"AUTH PLAIN =", b"PASS a b ", b"LIST")),
    "pop3_message": Target(pop3_message, (b"\0a\r\n.b\r\n.\r\n", b"\1.\n.\n", b"\2..")),
    "message": Target(
        message,
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a"
            b" <b@c>\r\n\r\nx\r\n--b--\r\n",
            b'To: g: "a\\"b" (c(d)) <@r:e@f>, h@[1.2]; ,\r\nContent-Type: text/x; a*0*=\'\'b; a*1="c\r\n\r\n',
        ),
    ),
    "header_fields": Target(
        header_fields, (b"A: b\r\n c\r\nD : e\n\nf", b"From x\r\n: y\r\n\r\n", b'T: "a\\')
    ),
    "address": Target(address, (b'"a@b"@c.example', "山田@例え.jp".encode(), b"../x@d", b"a+b@[1.2.3.4]")),
    "authors": Target(
        authors,
        (b"Taro (x) <taro@example.test>", b'"a, b" <c@d>, e@f (g)', b"a: b@c;", b"<@x:a@b>", b"a@b <c@d>"),
    ),
    "file_name": Target(file_name, (b"1700000000.KW0a.h,S=10,U=5:2,FSa", b".Work.2024%2E1", b"1.2.3:2,SS")),
    "account_file": Target(
        account_file,
        (
            b'password: "$argon2id$v=19$m=19456,t=2,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ"\nquota: 5G\n'
            b"aliases: [a]\n",
            b"forward: {to: [a@b.example], keep_copy: true}\n# x\ncomment: &a [*a]\n",
        ),
    ),
    "sasl": Target(sasl_exchange, (b"AHRhcm8AeA==", b"\0taro\0x", b"dGFybw==")),
    **{name: Target(*target) for name, target in {**peers.TARGETS, **texts.TARGETS}.items()},
}

"""An aggregate report that somebody has sent about a domain of ours, read (RFC 9990 §3.1, RFC 7489 appendix C).

Anybody can send anything to where reports go. So nothing is unpacked further than `MOST` octets, an archive has so
many documents, XML may declare nothing (no entities, nothing from elsewhere), and of each document only what is
asked for is kept. What cannot be read is `NotAReport`, with a sentence for people.
"""

import io
import ipaddress
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from storage.mime.parts import Part, parse
from storage.mime.text import content

MOST = 64 * 1024 * 1024  # octets of one file, packed or unpacked
DOCUMENTS = 100  # in one archive or mail
ROWS = 200_000  # of one report
DEPTH = 20
TEXT = 2_000  # characters of one element that are kept

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_PACKED = ("gzip", "zip", "xml", "octet-stream")


class NotAReport(Exception):
    """There is no report in it, or one that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """Messages that came from one address and were treated alike."""

    source: str
    count: int
    disposition: str
    dkim_aligned: bool
    spf_aligned: bool
    header_from: str

    @property
    def passed(self) -> bool:
        return self.dkim_aligned or self.spf_aligned


@dataclass(frozen=True, slots=True)
class Feedback:
    """One report."""

    reporter: str
    report_id: str
    begin: int
    end: int
    domain: str
    policy: str
    rows: tuple[Row, ...]


def documents(data: bytes) -> Iterator[bytes]:
    """The XML documents in a file: itself, or what is packed in it, or attached to it if it is a mail."""
    if data.startswith(_GZIP):
        yield _gunzipped(data)
    elif data.startswith(_ZIP):
        yield from _unzipped(data)
    elif data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith((b"<", b"\x00<")):
        if len(data) > MOST:
            raise NotAReport(f"it is larger than {MOST} octets")
        yield data
    else:
        yield from _attached(data)


def _gunzipped(data: bytes) -> bytes:
    """All members of a gzip file, as one."""
    made, rest = b"", data
    while rest.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            made += stream.decompress(rest, MOST + 1 - len(made))
        except zlib.error as error:
            raise NotAReport(f"it is not gzip: {error}") from error
        if len(made) > MOST:
            raise NotAReport(f"it unpacks to more than {MOST} octets")
        if not stream.eof:
            raise NotAReport("its gzip is cut off")
        rest = stream.unused_data
    return made


def _unzipped(data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) > DOCUMENTS:
                raise NotAReport(f"it has more than {DOCUMENTS} files")
            room = MOST
            for member in members:
                with archive.open(member) as file:
                    made = file.read(room + 1)  # what the archive says of its sizes is not believed
                room -= len(made)
                if room < 0:
                    raise NotAReport(f"it unpacks to more than {MOST} octets")
                yield made
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise NotAReport(f"its zip cannot be read: {error}") from error
    except (EOFError, OSError, ValueError) as error:
        raise NotAReport("its zip is cut off") from error


def _attached(data: bytes) -> Iterator[bytes]:
    """The reports that a mail carries; none if it is an ordinary one."""
    found = 0
    work: list[Part] = [parse(data, parts=DOCUMENTS)]
    while work:
        part = work.pop()
        work += reversed(part.children)
        kind = part.media.decode("ascii", "replace")
        if part.multipart or part.message is not None or not kind.endswith(_PACKED):
            continue
        inner = content(data, part, most=MOST)
        if not inner.startswith((_GZIP, _ZIP, b"<", b"\xef\xbb\xbf<")):
            continue
        found += 1
        if found > DOCUMENTS:
            raise NotAReport(f"it has more than {DOCUMENTS} attachments")
        yield from documents(inner)


def read(document: bytes) -> Feedback:
    """A report from its XML, whatever its namespace."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.buffer_text = True
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise NotAReport(f"its XML is broken: {error}") from error
    except (LookupError, ValueError) as error:
        raise NotAReport("its XML is in a charset that is not known") from error
    return reader.feedback()


def _refuse(*_: object) -> None:
    raise NotAReport("it declares a document type, which no report has")


@dataclass(slots=True)
class _Reader:
    """Takes the elements of a document as they come."""

    path: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    about: dict[str, str] = field(default_factory=dict)  # what stands once, by its path
    record: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def start(self, name: str, _: object) -> None:
        self.path.append(name.rpartition(" ")[2])
        if len(self.path) > DEPTH:
            raise NotAReport(f"its elements are nested deeper than {DEPTH}")
        if len(self.path) == 1 and self.path != ["feedback"]:
            raise NotAReport(f"it is XML, but no report: <{self.path[0][:40]}>")
        self.pieces, self.length = [], 0

    def text(self, text: str) -> None:
        if self.length < TEXT:
            self.pieces.append(text[: TEXT - self.length])
            self.length += len(text)

    def end(self, _: str) -> None:
        path = "/".join(self.path[1:])
        text = "".join(self.pieces).strip()
        self.pieces, self.length = [], 0
        self.path.pop()
        if path == "record":
            self.rows.append(_row(self.record))
            self.record = {}
            if len(self.rows) > ROWS:
                raise NotAReport(f"it has more than {ROWS} records")
        elif path.startswith("record/"):
            self.record.setdefault(path.removeprefix("record/"), text)
        elif len(self.about) < ROWS:
            self.about.setdefault(path, text)

    def feedback(self) -> Feedback:
        about = self.about
        begin, end = (
            _number(about.get(f"report_metadata/date_range/{each}", "")) for each in ("begin", "end")
        )
        domain = about.get("policy_published/domain", "").lower()
        if not domain:
            raise NotAReport("it does not say which domain it is about")
        return Feedback(
            about.get("report_metadata/org_name", "") or about.get("report_metadata/email", ""),
            about.get("report_metadata/report_id", ""),
            begin,
            end,
            domain,
            about.get("policy_published/p", ""),
            tuple(self.rows),
        )


def _row(record: dict[str, str]) -> Row:
    source = record.get("row/source_ip", "")
    try:
        source = str(ipaddress.ip_address(source))
    except ValueError:
        raise NotAReport(f'"{source[:60]}" is no source address') from None
    judged = "row/policy_evaluated"
    return Row(
        source,
        _number(record.get("row/count", "")),
        record.get(f"{judged}/disposition", "").lower()[:20] or "none",
        record.get(f"{judged}/dkim", "").lower() == "pass",
        record.get(f"{judged}/spf", "").lower() == "pass",
        record.get("identifiers/header_from", "").lower()[:255],
    )


def _number(text: str) -> int:
    """Numbers that some reporters write with a fraction."""
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12):
        raise NotAReport(f'"{text[:40]}" is no number')
    return int(whole)

"""`kwcmaild dmarc`, over files and over an account's mailboxes."""

import gzip
import json
from pathlib import Path

from typer.testing import CliRunner, Result

from kwcmaild.command import application
from tests.house import DOMAIN, House, Site
from tests.unit.filters.test_dmarc_reading import OLD, mail, zipped


def run(site: Site, *words: str) -> Result:
    return CliRunner().invoke(
        application("dmarc"), ["dmarc", *words, "-c", str(site.folder / "kwcmaild.yaml")]
    )


def test_files(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(OLD))
    (tmp_path / "b.zip").write_bytes(zipped(OLD.replace(b">17<", b">18<")))
    (tmp_path / "c.txt").write_bytes(b"hello")
    result = run(site, *(str(tmp_path / name) for name in ("a.xml.gz", "b.zip", "c.txt", "d.xml")))
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert lines[1] == ["example.test", "2001:db8::7", "4", "none", "none", "quarantine", "4", "big.example"]
    assert lines[2] == ["example.test", "192.0.2.7", "8", "none", "all", "none", "8", "big.example"]
    assert "2 reports, 2024-10-04: 12 messages, 4 of them did not pass" in result.output
    assert "c.txt: there is no report in it" in result.output
    assert "d.xml: there is no such file" in result.output


async def test_the_mailboxes_of_an_account(house: House) -> None:
    await house.put("taro", "INBOX", mail(gzip.compress(OLD)))
    await house.put("taro", "Reports/2024", mail(zipped(OLD.replace(b">17<", b">18<"))))
    await house.put("taro", "INBOX", mail(b"\x1f\x8b broken"))
    await house.put("taro", "INBOX", b"Subject: hello\r\n\r\nhello\r\n")
    result = run(house.site, "--account", f"taro@{DOMAIN}", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["reports"], found["messages"], found["passed"]) == (2, 12, 8)
    assert [each["why"] for each in found["unreadable"]] == [
        "it is not gzip: Error -3 while decompressing data: unknown compression method"
    ]


def test_nothing_to_read(site: Site, tmp_path: Path) -> None:
    assert "give files" in run(site).output
    assert "there is no account" in run(site, "--account", f"nobody@{DOMAIN}").output
    nothing = run(site, "--account", f"hanako@{DOMAIN}")
    assert (nothing.exit_code, nothing.output) == (1, "there is no report\n")

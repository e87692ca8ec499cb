"""`kwcmaild filter test`: every check is asked, and nothing is stored."""

import json
from pathlib import Path

from typer.testing import CliRunner

from kwcmaild.command import application
from tests.house import DOMAIN, Site

MESSAGE = "From: x@example.com\nSubject: hi\n\nbody\n"


def ask(site: Site, *more: str) -> list[dict[str, object]]:
    (site.folder / "m.eml").write_text(MESSAGE)
    arguments = [
        "filter",
        "test",
        str(site.folder / "m.eml"),
        "-c",
        str(site.folder / "kwcmaild.yaml"),
        "--json",
        *more,
    ]
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == 0, result.output
    said: list[dict[str, object]] = json.loads(result.output)
    return said


def test_recipients_and_checks_answer_and_nothing_is_kept(site: Site) -> None:
    site.configure(filters="{virus: {engine: clamd, address: ./nobody}}")
    said = ask(
        site, "--from", "x@example.com", "--to", f"taro@{DOMAIN}", "--to", f"nobody@{DOMAIN}", "--to", "x"
    )
    answers = {each["who"]: (each["action"], each["status"] or each["reason"]) for each in said}
    assert answers[f"to taro@{DOMAIN}"] == ("PASS", "a mailbox here")
    assert answers[f"to nobody@{DOMAIN}"] == ("REJECT", "5.1.1 no such recipient here")
    assert answers["to x"][0] == "REJECT"
    assert answers["sender_auth"] == ("PASS", "")  # from loopback nobody is asked
    assert answers["virus"] == ("DEFER", "4.3.0 the virus check is not available, try again later")
    assert answers["spam"][0] == "PASS"
    assert not list((site.folder / "data").rglob("*.eml"))
    assert not [path for path in (site.folder / "data").rglob("*") if path.parent.name in ("new", "cur")]


def test_a_file_that_is_not_there(tmp_path: Path, site: Site) -> None:
    arguments = ["filter", "test", str(tmp_path / "none"), "-c", str(site.folder / "kwcmaild.yaml")]
    result = CliRunner().invoke(application(), arguments)
    assert (result.exit_code, "No such file" in result.output) == (1, True)

"""`kwcmaild filter test`: every check is asked, and nothing is stored."""

import json
from pathlib import Path

from typer.testing import CliRunner

from kwcmaild.command import application
from tests.house import DOMAIN, Site, put

MESSAGE = "From: x@example.com\nSubject: hi\n\nbody\n"
OWN = f"From: taro@{DOMAIN}\nSubject: hi\n\nbody\n"


def ask(site: Site, *more: str, message: str = MESSAGE) -> list[dict[str, object]]:
    (site.folder / "m.eml").write_text(message)
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
    said: list[dict[str, object]] = json.loads(result.stdout)
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
    assert answers["greylist"] == answers["dnsbl"] == ("OFF", "switched off, or nothing to ask")
    assert answers["virus"] == ("DEFER", "4.3.0 the virus check is not available, try again later")
    assert answers["spam"][0] == "PASS" and answers["spam"][1].startswith("score ")
    assert not list((site.folder / "data").rglob("*.eml"))
    assert not [path for path in (site.folder / "data").rglob("*") if path.parent.name in ("new", "cur")]


def test_it_is_a_dry_run(site: Site) -> None:
    """What counts, remembers or tells somebody does none of it."""
    site.configure(filters="{greylist: {enabled: true, skip_from: []}, virus: {engine: none}}")
    account = site.folder / "domains" / DOMAIN / "accounts/taro.yaml"
    put(
        account,
        account.read_text()
        + "\nsend_limit: {messages_per_hour: 1, messages_per_day: 1}\nquota_messages: 1\n",
    )
    for _ in range(2):
        said = ask(site, "--from", "x@example.com", "--to", f"taro@{DOMAIN}", "--ip", "192.0.2.7")
        (grey,) = [each for each in said if each["who"] == "greylist"]
        assert (grey["action"], grey["reason"]) == ("DEFER", "not known yet, has to wait for 300 s")
    for _ in range(3):
        said = ask(site, "--submitted-by", f"taro@{DOMAIN}", "--to", "a@example.com", message=OWN)
        assert [(each["who"], each["action"]) for each in said if each["who"] == "sender"] == [
            ("sender", "PASS")
        ]
    assert not [path for path in (site.folder / "data/mail").rglob("*") if path.parent.name in ("new", "cur")]


def test_a_file_that_is_not_there(tmp_path: Path, site: Site) -> None:
    arguments = ["filter", "test", str(tmp_path / "none"), "-c", str(site.folder / "kwcmaild.yaml")]
    result = CliRunner().invoke(application(), arguments)
    assert (result.exit_code, "No such file" in result.output) == (1, True)

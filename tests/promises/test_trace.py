"""Two of our servers, one handing its mail to the other: on both, the operator finds where it went."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kwcmaild.command import application
from kwcmaild.compose import relay
from tests.house import House, Site
from tests.unit.smtp.conftest import Connect, connect, inbox
from tests.unit.smtp.test_submission import plain

__all__ = ["connect"]

TARO, BOB, NOBODY = "taro@example.test", "bob@elsewhere.example", "nobody@elsewhere.example"


def trace(site: Site, wanted: str) -> Any:
    config = str(site.folder / "kwcmaild.yaml")
    result = CliRunner().invoke(application(), ["trace", wanted, "--json", "-c", config])
    return json.loads(result.stdout) if result.exit_code == 0 else []


def neighbour(folder: Path) -> Site:
    """A server with bob."""
    folder.mkdir()
    site = Site.make(folder)
    (folder / "domains/elsewhere.example/accounts").mkdir(parents=True)
    (folder / "domains/elsewhere.example/domain.yaml").write_text("capacity: 100G\n")
    (folder / "domains/elsewhere.example/accounts/bob.yaml").write_text("quota: 1G\naliases: [robert]\n")
    return site


async def test_from_a_login_here_to_a_mailbox_there(tmp_path: Path, connect: Connect) -> None:
    there = await House(neighbour(tmp_path / "there")).open()
    host, port = await there.smtp(tls="none")
    (tmp_path / "here").mkdir()
    site = Site.make(tmp_path / "here", queue=f'{{smarthost: "{host}:{port}", retry: [1s]}}')
    here = await House(site).open()
    work = await relay.compose(site.settings, ())
    try:
        await work.parts[0].start()
        client = await connect(await here.smtp("implicit", "submission"), tls=here.client_context())
        assert (await client.ask(plain(TARO, "tarosecret"))).startswith("235")
        letter = f"From: {TARO}\r\nMessage-ID: <one@pc>\r\nSubject: x\r\n\r\nx\r\n".encode()
        reply = await client.mail(letter, "robert@elsewhere.example", NOBODY, sender=TARO)
        assert reply.startswith("250")
        async with asyncio.timeout(60):
            while len(await inbox(here, "taro")) < 1:  # the notice about nobody
                await asyncio.sleep(0.1)
    finally:
        await work.parts[0].stop(10)
        await work.close()
        await here.close()
        await there.close()

    (story,) = await asyncio.to_thread(trace, site, "<one@pc>")
    outcomes = {address: each["what"] for address, each in story["outcomes"].items()}
    assert outcomes["robert@elsewhere.example"] == "sent"
    assert outcomes[NOBODY] == "failed"
    whats = [event["what"] for event in story["events"]]
    assert whats[0] == "accepted" and "queued" in whats and "notice" in whats
    (sent,) = [event for event in story["events"] if event["what"] == "sent"]
    assert sent["detail"]["reply"].startswith("250")
    (failed,) = [event for event in story["events"] if event["what"] == "failed"]
    assert "5.1.1" in failed["status"]
    assert (await asyncio.to_thread(trace, site, sent["queue_id"]))[0] == story

    (seen,) = await asyncio.to_thread(trace, there.site, BOB)
    assert [event["what"] for event in seen["events"] if event["what"] != "check"] == [
        "refused",
        "accepted",
        "stored",
    ]
    # what it said is what we have written down
    assert seen["trace"] in sent["detail"]["reply"]

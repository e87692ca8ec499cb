"""The API over a socket: schemathesis looks for what the document does not say; docs/api.md is typed as it stands.

Requests are made from the document, by rule (no chance): for each operation that takes a body, values at and beyond
every bound, as the operator; for every operation a few made-up ones, as a domain's administrator. An answer that is
none of those in the document, a 5xx, a wrong value that is taken or a right one that is not is a failure.
"""

import asyncio
import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import argon2
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from config.settings import Listen
from net.server import bind
from storage.people import passwords
from tests.unit.web.api_site import Api
from web.api import door
from web.server import WebServer

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Served:
    """The site behind a socket of loopback, in a thread with a loop of its own."""

    folder: Path
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)
    stop: Any = None

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        api = await Api.open(self.folder)
        sock = bind("127.0.0.1", 0)
        listen = Listen(address="127.0.0.1:0", tls="none")
        server = WebServer(api.house.settings, api.house.contexts, [(listen, sock)], api.office)
        await server.start()
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}/api/v1"
        self.tokens = api.secrets
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self.stop = lambda: loop.call_soon_threadsafe(stopped.set)
        self.ready.set()
        await stopped.wait()
        await server.stop(1)
        await api.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """In memory where there is room, and with passwords that cost little: neither what a disk nor what a hash takes
    is on trial here, and together they were most of its time."""
    memory = Path("/dev/shm")
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder,
    ):
        patch.setattr(passwords, "_hasher", cheap)
        patch.setattr(door, "MOST_STRANGERS", 10**9)  # requests without a token are a part of the trial
        served = Served(Path(folder))
        thread = threading.Thread(target=served.run)
        thread.start()
        assert served.ready.wait(60)
        yield served
        served.stop()
        thread.join()


@pytest.mark.parametrize(("who", "examples"), [("O", 0), ("A", 1)], ids=["bounds", "made-up"])
def test_the_api_is_what_its_document_says(served: Served, who: str, examples: int) -> None:
    config = SchemathesisConfig.from_dict(
        {
            "generation": {
                "max-examples": max(1, examples),
                "deterministic": True,
                "database": "none",
                "no-shrink": True,
            },
            "request-timeout": 60,
            "headers": {"Authorization": f"Bearer {served.tokens[who]}"},
            # what contradicts the files is refused with 409, what is behind them with 412
            "checks": {
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "401", "403", "404", "409", "412"],
                },
            },
            "phases": {
                "examples": {"enabled": False},
                "coverage": {"enabled": not examples, "unexpected-methods": []},
                "fuzzing": {"enabled": bool(examples)},
                "stateful": {"enabled": False},
            },
        }
    )
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)
    if not examples:
        # what PUT takes, POST has taken, but for these; the own mail and mailboxes elsewhere are as everybody's
        alone = ["useKeys", "putForward", "setOwnPassword", "holdSending", "importMembers", "importAccounts"]
        schema = schema.include(method=["POST", "PATCH"]).include(operation_id=alone)
        schema = schema.exclude(path_regex="^/own/(mail|fetches)")
        schema = schema.exclude(operation_id=["changeAccount", "changeList"])  # as what POST takes
    failures: list[str] = []
    cases = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.cases)
            failures += _failures(event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures.append(str(event))
    assert cases > 50
    assert not failures, "\n\n".join(failures[:10])


def _failures(recorder: Any) -> list[str]:
    found = []
    for which, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = recorder.cases[which].value
                answer = getattr(recorder.interactions.get(which), "response", None)
                body = answer.content[:300] if answer is not None else b""
                failure = check.failure_info.failure
                found.append(
                    f"{recorder.label}: {failure.title}: {failure.message}\n{case.as_curl_command()}\n{body!r}"
                )
    return found


def test_the_lines_of_the_documentation_work(served: Served, tmp_path: Path) -> None:
    """Typed one after the other into one shell; `$JOB` is what the answer before has told."""
    (block,) = re.findall(r"```sh\n(API=.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    (tmp_path / "staff.csv").write_bytes("address,limit,comment\r\nhanako,1,経理\r\n".encode("cp932"))
    block = block.replace("https://mail.example.jp/api/v1", served.url)
    setup, commands = block.split("\n\n", 1)
    job, answers = "", []
    for command in re.findall(r"^curl .*?(?<!\\)$", commands, re.MULTILINE | re.DOTALL):
        script = f"TOKEN={served.tokens['O']}\nJOB={job}\n{setup}\n{command} --fail-with-body"
        done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        answers.append(done.stdout)
        job = (json.loads(done.stdout).get("job") or job) if done.stdout else job
    assert len(answers) == 10
    assert '"address":"admin@customer.jp"' in answers[1]

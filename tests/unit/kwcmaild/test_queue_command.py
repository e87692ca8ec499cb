"""`kwcmaild queue`: shows what waits, and changes only what was named."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kwcmaild.commands.queue import app
from storage.message import Message
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Outcome
from storage.status import MAILBOX_FULL, Status

Run = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kwcmaild.yaml"
    file.write_text("hostname: mail.example.test\ndata: data\nrun: run\n")
    return file


@pytest.fixture
def run(config: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "-c", str(config)])


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path / "data" / "queue")
    yield queue
    queue.close()


def add(queue: Queue, local: str, sender: str = "me@example.test") -> str:
    recipient = Addressee(f"{local}@example.test", "info@example.test")
    return queue.add(Message.of(b"x" * 3000), sender, [recipient], "tr1")


def test_a_queue_of_a_later_version_is_named(tmp_path: Path, queue: Queue, run: Run) -> None:
    queue.close()
    with closing(sqlite3.connect(tmp_path / "data/queue/queue.sqlite")) as db:
        db.execute("PRAGMA user_version = 1000")
    done = run("list")
    assert done.exit_code == 1 and "install that version again" in done.stderr


def test_list_for_people_and_for_programs(queue: Queue, run: Run) -> None:
    queue_id = add(queue, "taro")
    queue.claim("h")
    before = int(time.time())
    queue.record("h", queue_id, [Outcome(0, MAILBOX_FULL, 2_000_000_000 - before)])
    late = time.time() - before  # or later
    add(queue, "hanako", "")
    text = run("list").stdout
    assert queue_id in text and "2K  me@example.test" in text and "2 messages" in text
    assert "waiting  taro@example.test  next 2033-05-1" in text
    assert "after 1 attempt: 4.2.2 mailbox is full" in text
    (only,) = json.loads(run("list", "--json", "--recipient", "taro@example.test").stdout)
    assert (only["id"], only["sender"], only["size"]) == (queue_id, "me@example.test", 3000)
    recipient = only["recipients"][0]
    assert recipient == {
        "address": "taro@example.test",
        "original": "info@example.test",
        "mailbox": "INBOX",
        "destination": "",
        "state": "waiting",
        "due": recipient["due"],
        "holder": "",
        "attempts": 1,
        "last_attempt": recipient["last_attempt"],
        "status": "4.2.2",
        "text": "mailbox is full",
        "remote": "",
        "reply": "",
        "notify": "",
        "delayed": False,
    }
    assert -1 <= recipient["due"] - 2_000_000_000 <= late + 1


def test_show(queue: Queue, run: Run) -> None:
    queue_id = add(queue, "taro")
    text = run("show", queue_id).stdout
    assert "trace tr1" in text and "written as info@example.test" in text
    assert json.loads(run("show", queue_id, "--json").stdout)["id"] == queue_id
    missing = run("show", "nothing")
    assert missing.exit_code == 1 and "no such message" in missing.stderr


def test_show_has_the_answer_of_the_other_side_and_the_header(queue: Queue, run: Run) -> None:
    message = Message.of("Subject: 日本\x1b[2J\r\nX: \r\n\r\nbody\r\n".encode())
    one = Addressee("a@else.test", reverse_path="list+a@example.test")
    queue_id = queue.add(message, "me@example.test", [one], "tr1", require_tls=True, envid="e1")
    queue.claim("h")
    refused = Outcome(0, Status("4.7.1", "later"), 60, "mx.else.test", "451 4.7.1 later")
    queue.record("h", queue_id, [refused])
    text = run("show", queue_id).stdout
    for line in (
        "REQUIRETLS 8BITMIME ENVID=e1",
        "after 1 attempt: 4.7.1 later",
        "mx.else.test answered",
        "451 4.7.1 later",
        "bounces go to list+a@example.test",
        "Subject: 日本\\x1b[2J\nX: \n",
    ):
        assert line in text, line
    assert "body" not in text and "\x1b" not in text
    queue.grow_up(age=0)
    queue.files.path(queue_id).unlink()
    assert "the message file is missing" in run("show", queue_id).stdout


def test_hold_release_and_retry(queue: Queue, run: Run) -> None:
    queue_id = add(queue, "taro")
    assert run("hold", queue_id).stdout == "1 message held\n"
    assert queue.claim("h") == []
    assert run("hold", queue_id).exit_code == 1
    assert run("release", "--all").stdout == "1 message released\n"
    assert run("retry", "--domain", "example.test").stdout == "1 message due now\n"
    assert len(queue.claim("h")) == 1


def test_delete_by_filter(queue: Queue, run: Run) -> None:
    add(queue, "taro", "")
    kept = add(queue, "hanako")
    assert run("delete", "--sender", "<>").stdout == "1 message deleted\n"
    assert run("delete", "--older", "1h").stdout == "0 messages deleted\n"
    assert "0 messages" in run("list", "--older", "1h").stdout
    assert "1 message" in run("list", "--newer", "1h").stdout
    assert [each["id"] for each in json.loads(run("list", "--json").stdout)] == [kept]


@pytest.mark.parametrize("command", ["retry", "hold", "release", "delete"])
def test_nothing_named_changes_nothing(queue: Queue, run: Run, command: str) -> None:
    queue_id = add(queue, "taro")
    for arguments in ([command], [command, queue_id, "--all"]):
        result = run(*arguments)
        assert result.exit_code == 1 and "name the messages" in result.stderr
    assert len(queue.claim("h")) == 1


def test_stats(queue: Queue, run: Run) -> None:
    queue_id = add(queue, "taro")
    assert "1 message, 2K" in run("stats").stdout
    queue.claim("h")
    refused = Outcome(0, MAILBOX_FULL, 60, "mx.example.test")
    queue.record("h", queue_id, [refused])
    assert "example.test: 4.2.2 mailbox is full (mx.example.test)" in run("stats").stdout
    numbers = json.loads(run("stats", "--json").stdout)
    assert (numbers["messages"], numbers["waiting"]) == (1, 1)
    (lane,) = numbers["destinations"]
    assert (lane["destination"], lane["recipients"]) == ("example.test", 1)
    assert lane["last_error"] == "4.2.2 mailbox is full" and lane["oldest"] <= time.time()


def test_a_queue_is_not_made_by_looking_for_it(run: Run, tmp_path: Path) -> None:
    result = run("list")
    assert result.exit_code == 1 and "there is no queue yet" in result.stderr
    assert not (tmp_path / "data").exists()


def test_bad_age(queue: Queue, run: Run) -> None:
    assert run("list", "--older", "soon").exit_code == 2

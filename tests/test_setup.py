"""From a clone to a server: locks, `make`, `kwcmaild demo` and `kwcmaild init`, as a newcomer meets them."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.check import check
from config.load import load_account, load_settings
from kwcmaild.command import application
from kwcmaild.demo import PORTS, Demo, greeting, prepare, read_line, send_line
from kwcmaild.listeners import CannotListen, open_listeners
from storage.people.passwords import LETTERS, new_password, verify
from tests.clients.daemons import free_ports

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_versions_and_hashes_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = [line for line in text.split("\n") if re.match(r"[a-z0-9]", line)]
    assert requirements
    for line in requirements:
        assert re.fullmatch(r"[a-z0-9._-]+==[0-9][^ ]* \\", line), line
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"://|index-url|find-links|trusted-host|/(work|home|root|tmp)\b", text)


def test_locks_hold_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, dev = (
        set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )
    for named, locked in (
        (project["dependencies"], runtime),
        (project["optional-dependencies"]["dev"], dev),
    ):
        assert {re.split(r"[<>=\[]", each)[0].lower() for each in named} <= locked
    pins = {
        lock: dict(re.findall(r"^(\S+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    }
    assert pins[LOCKS[0]].items() <= pins[LOCKS[1]].items()


def test_every_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {
        "argon2-cffi": "argon2",
        "pyyaml": "yaml",
        "dnspython": "dns",
        "dkimpy": "dkim",
        "pyspf": "spf",
    }
    # Starlette imports the one when the first form is read, uvicorn the other (`web/server.py` names its protocol).
    by_others = {"python-multipart", "httptools"}
    rooms = [*PORTS, "kwcmaild", "web", "smtp", "imap", "pop3", "filters", "storage", "net", "config"]
    source = "\n".join(path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py"))
    for each in project["dependencies"]:
        name = re.split(r"[<>=\[]", each)[0]
        imported = re.search(rf"^\s*(import|from) {modules.get(name, name)}\b", source, re.MULTILINE)
        assert imported or name in by_others, name


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return prepare(tmp_path / "demo", free_ports())


def test_demo_writes_what_scripts_read(demo: Demo) -> None:
    told = json.loads((demo.folder / "demo.json").read_text())
    assert set(told) == {"hostname", "ca", "panel", "ports", "accounts"}
    assert list(told["ports"]) == list(PORTS)
    roles = {account["address"]: account["role"] for account in told["accounts"]}
    assert roles == {
        "taro@example.test": "user",
        "hanako@example.test": "user",
        "admin@example.test": "operator",
    }
    for account in told["accounts"]:
        local = account["address"].partition("@")[0]
        stored = load_account(demo.folder / "domains/example.test/accounts" / f"{local}.yaml").password
        assert isinstance(stored, str)
        assert verify(stored, account["password"])
    assert check(demo.settings) == []


def test_demo_ports_are_the_documented_ones() -> None:
    assert list(PORTS.values()) == [2525, 2587, 2465, 2143, 2993, 2110, 2995, 8443]


def test_demo_keeps_what_is_there(demo: Demo) -> None:
    before = {path: path.read_bytes() for path in demo.folder.rglob("*") if path.is_file()}
    assert prepare(demo.folder) == demo
    assert {path: path.read_bytes() for path in demo.folder.rglob("*") if path.is_file()} == before


def test_secrets_are_for_the_owner_alone(demo: Demo) -> None:
    for path in demo.folder.rglob("*"):
        if path.is_file() and path.name not in ("ca.pem", "cert.pem"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_passwords_differ_and_can_be_read_out() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert not set("l1o0i") & set(LETTERS)


def test_greeting_says_what_to_type(demo: Demo) -> None:
    text = greeting(demo)
    for word in (*demo.passwords, *demo.passwords.values(), *map(str, demo.ports.values()), str(demo.ca)):
        assert word in text


@pytest.fixture
def running(demo: Demo) -> Iterator[str]:
    """`kwcmaild demo` on free ports; what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "kwcmaild", "demo", "--dir", str(demo.folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if "imaps://" in line or "imaplib" in line:
                break
        yield printed
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("missing", [(), ("curl",), ("swaks", "curl")])
def test_printed_lines_work(
    demo: Demo, running: str, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are printed on a machine with curl, with swaks for lack of it, and with neither."""
    if "curl" in missing and "swaks" not in missing and shutil.which("swaks") is None:
        pytest.skip("swaks is not installed")
    assert send_line(demo) in running
    assert read_line(demo) in running
    there = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name in missing else there(name))
    sent = subprocess.run(["sh", "-c", send_line(demo)], capture_output=True, text=True, timeout=180)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    read = subprocess.run(["sh", "-c", read_line(demo)], capture_output=True, text=True, timeout=180)
    assert read.returncode == 0, read.stderr
    assert "Subject: Hello" in read.stdout
    assert "Delivered-To: hanako@example.test" in read.stdout


def test_a_taken_port_is_said_before_anything_starts(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.ports["pop3"])):
        command = [sys.executable, "-P", "-m", "kwcmaild", "demo", "--dir", str(demo.folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"pop3: cannot listen on 127.0.0.1:{demo.ports['pop3']}: another program has that port"
    )
    assert done.stderr.count("\n") == 1


def test_an_address_of_another_machine_is_said(demo: Demo) -> None:
    listens = load_settings(demo.settings).imap.listen
    wrong = listens[0].model_copy(update={"address": "192.0.2.1:0"})
    with pytest.raises(CannotListen, match="this machine has no such address"):
        open_listeners("imap", [wrong])


def test_init_makes_a_server_that_checks_out(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    command = ["init", str(folder), "--domain", "Example.JP", "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(application(), command)
    assert done.exit_code == 0, done.output
    password = re.search(r"admin@example.jp +(\S+)", done.output)
    assert password
    settings = load_settings(folder / "kwcmaild.yaml")
    assert (settings.hostname, settings.operators) == ("mail.example.jp", ("admin@example.jp",))
    stored = load_account(settings.domains / "example.jp/accounts/admin.yaml").password
    assert isinstance(stored, str)
    assert verify(stored, password[1])
    problems = [str(problem) for problem in check(folder / "kwcmaild.yaml")]
    assert [problem for problem in problems if "/run/kwcmaild" not in problem] == []


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("mine")
    done = CliRunner().invoke(application(), ["init", str(tmp_path), "--domain", "example.jp"])
    assert done.exit_code == 1
    assert f"{tmp_path}/key.pem exists already: nothing was written" in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"key.pem"}


@pytest.mark.parametrize("domain", ["日本.jp", "xn--wgv71a.jp", "jp", "a..jp", "../x.jp"])
def test_init_refuses_what_is_no_domain(tmp_path: Path, domain: str) -> None:
    done = CliRunner().invoke(application(), ["init", str(tmp_path / "etc"), "--domain", domain])
    assert done.exit_code == 1
    assert domain in done.output
    assert not (tmp_path / "etc").exists()


def test_make_help_names_what_there_is() -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, timeout=180)
    for goal in ("run", "test", "check", "install"):
        assert f"make {goal}" in done.stdout


def test_ci_runs_check_and_test() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert all(shlex.join(["make", goal]) in script for goal in ("check", "test"))


@pytest.mark.parametrize("wrong", ["certificate", "data"])
def test_a_process_that_cannot_start_says_why_in_a_line(demo: Demo, wrong: str) -> None:
    if wrong == "certificate":
        (demo.folder / "key.pem").unlink()
    else:
        (demo.folder / "data").write_text("a file")
    command = [sys.executable, "-P", "-m", "kwcmaild", "pop3", "-c", str(demo.settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 1
    assert re.fullmatch(r"pop3: cannot (start:|make) .*\n", done.stderr), done.stderr
    assert str(demo.folder) in done.stderr

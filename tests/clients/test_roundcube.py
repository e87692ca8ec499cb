"""Roundcube, as Debian has it: a webmail of PHP that opens a connection for each click and asks for all it shows.

It runs under PHP's own server on loopback, with its settings and an SQLite file in the test's folder.
"""

import http.cookiejar
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.daemons import Daemons, Login, needs
from tests.clients.mail import ODD, seed
from tests.ports import reserved

PROGRAM = Path("/var/lib/roundcube/public_html")
SETTINGS = Path("/etc/roundcube")


class Roundcube:
    """A browser without a window, signed in."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self.token = ""

    def page(self, **query: str) -> str:
        return self._open(urllib.request.Request(f"{self.address}?{urllib.parse.urlencode(query)}"))

    def sign_in(self, login: Login) -> str:
        self.token = self._token(self.page())
        page = self.post(
            {"_task": "login"}, _task="login", _action="login", _user=login.address, _pass=login.password
        )
        self.token = self._token(page)
        return page

    def post(self, query: dict[str, str], **form: str) -> str:
        data = urllib.parse.urlencode({**form, "_token": self.token}).encode()
        request = urllib.request.Request(f"{self.address}?{urllib.parse.urlencode(query)}", data)
        return self._open(request)

    def ask(self, action: str, **values: str) -> Any:
        """What a script of the page asks for."""
        query = {"_task": "mail", "_action": action, "_remote": "1"}
        if action in ("list", "getunread"):
            request = urllib.request.Request(f"{self.address}?{urllib.parse.urlencode({**query, **values})}")
        else:
            request = urllib.request.Request(
                f"{self.address}?{urllib.parse.urlencode(query)}", urllib.parse.urlencode(values).encode()
            )
        request.add_header("X-Requested-With", "XMLHttpRequest")
        request.add_header("X-Roundcube-Request", self.token)
        answer = json.loads(self._open(request))
        assert "error" not in answer.get("exec", ""), answer
        return answer

    def _open(self, request: urllib.request.Request) -> str:
        with self.opener.open(request, timeout=90) as answer:
            return str(answer.read().decode())

    @staticmethod
    def _token(page: str) -> str:
        found = re.search(r'"request_token":"([^"]+)"', page)
        assert found is not None, page[:2000]
        return found[1]


@pytest.fixture(scope="module")
def roundcube(daemons: Daemons, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roundcube]:
    needs("php")
    if not (PROGRAM / "index.php").exists():
        pytest.skip("roundcube is not installed (Debian packages roundcube-core and roundcube-sqlite3)")
    folder = tmp_path_factory.mktemp("roundcube")
    for file in SETTINGS.glob("*.php"):
        if not file.name.startswith(("config.", "debian-db")):
            shutil.copy(file, folder)
    (folder / "config.inc.php").write_text(
        "<?php $config = array_merge($config ?? [], [\n"
        f"'db_dsnw' => 'sqlite:///{folder}/roundcube.db?mode=0600', 'log_dir' => '{folder}',\n"
        f"'temp_dir' => '{folder}', 'imap_host' => 'localhost:{daemons.port('imap', 'plain')}',\n"
        "'des_key' => 'twenty-four-characters-!', 'plugins' => [], 'language' => 'en_US',\n"
        "'mail_pagesize' => 50, 'imap_auth_type' => null]);\n"
    )
    port = reserved()
    environment = {
        "PATH": "/usr/bin:/bin",
        "ROUNDCUBE_CONFIG_DIR": str(folder),
        "PHP_CLI_SERVER_WORKERS": "2",
    }
    log = (folder / "php.log").open("w")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "php", "-S", f"127.0.0.1:{port}", "-t", str(PROGRAM)],
        env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answers(process, port)
        yield Roundcube(f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _answers(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until it listens: PHP's server says so nowhere that one could read as it happens."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError("php ended")


def test_a_person_reads_flags_and_files(roundcube: Roundcube, daemons: Daemons, login: Login) -> None:
    stored = seed(daemons, login)
    page = roundcube.sign_in(login)
    assert "Inbox" in page and "Archive" in page, page[:2000]
    listed = roundcube.ask("list", _mbox="INBOX", _refresh="1")["exec"]
    assert listed.count("add_message_row") == len(stored)
    assert "日本" in listed or "\\u65e5\\u672c" in listed
    uid = next(number for number, message in enumerate(stored, 1) if message.endswith(ODD["jis"]))
    shown = roundcube.page(_task="mail", _action="show", _uid=str(uid), _mbox="INBOX")
    assert "日本語の本文です" in shown
    roundcube.ask("mark", _uid="1", _mbox="INBOX", _flag="flagged")
    roundcube.ask("move", _uid="2", _mbox="INBOX", _target_mbox="Archive")
    roundcube.ask("copy", _uid="3", _mbox="INBOX", _target_mbox="Archive")
    assert login.stored("Archive") == [stored[1], stored[2]]
    flags = {
        path.name.partition(":2,")[2]
        for path in login.files()
        if ",U=1," in path.name or ",U=1:" in path.name
    }
    assert flags == {"F"}

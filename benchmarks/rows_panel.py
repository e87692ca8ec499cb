"""The control panel with 100 domains of 1,000 accounts each: how long its pages take while 20 people click at
once.

    nice .venv/bin/python -m benchmarks.rows_panel [--domains 100] [--accounts 1000] [--seconds 20] [--pause 0 1]

`kwcmaild web` is a process of its own, over plain HTTP on loopback; the people are this process. Each is
signed in as the administrator of a domain, clicks, waits for the page, and clicks on (after `--pause`
seconds). Then a file of as many accounts as a domain has is taken over, while the people go on clicking.
"""

import argparse
import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from config.account import AccountFile
from config.load import load_settings
from kwcmaild.certificate import self_signed
from net.server import bind
from storage.people.directory import Directory
from storage.people.directory_cache import Name, Saved, Stamp
from storage.people.passwords import hash_password, scram_sha_256_key
from storage.state.panel import Panel
from web.office import mark_of

PEOPLE = 20
COMMENTS = ("営業部 東京", "総務部", "開発部 第二課", "経理", "Sales Osaka", "")
PAGES = (  # name, method, path, share of the clicks
    ("list", "GET", "/d/{d}/accounts", 4),
    ("search", "GET", "/d/{d}/accounts?q=u{n3}", 3),
    ("sort by use", "GET", "/d/{d}/accounts?sort=share&order=desc", 1),
    ("last page", "GET", "/d/{d}/accounts?page=20", 1),
    ("account", "GET", "/d/{d}/accounts/u{n}", 4),
    ("save", "POST", "/d/{d}/accounts/u{n}", 2),
    ("security", "GET", "/own/security", 1),
    ("audit log", "GET", "/d/{d}/audit", 1),
    ("new account", "GET", "/d/{d}/new-account", 1),
)


def make(folder: Path, domains: int, accounts: int) -> Path:
    """The site, with the directory's cache as the background pass would have made it."""
    file = folder / "kwcmaild.yaml"
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    sock.close()
    file.write_text(
        "hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\noperators: [u0@d000.test]\n"
        f'web: {{listen: [{{address: "127.0.0.1:{port}", tls: none}}]}}\n'
        "tls: {certificate: cert.pem, key: key.pem}\nlog: {level: warning}\nservice: {capacity_most: 9T}\n"
    )
    tls = self_signed(["mail.example.test"], "benchmark")
    (folder / "cert.pem").write_bytes(tls.certificate)
    (folder / "key.pem").write_bytes(tls.key)
    for name in ("data", "run", "domains"):
        (folder / name).mkdir()
    settings = load_settings(file)
    directory = Directory(settings)
    password, key = hash_password("kumo-to-ame-77"), scram_sha_256_key("kumo-to-ame-77")
    for number in range(domains):
        domain = f"d{number:03}.test"
        home = settings.domains / domain / "accounts"
        home.mkdir(parents=True)
        (home.parent / "domain.yaml").write_text(f"capacity: 8T\nadministrators: [u1@{domain}]\n")
        directory.cache.put(_accounts(home, domain, accounts, password, key))
        directory.cache.set_passed(domain, time.time())
        directory.domain(domain)
    with directory.cache._db.transaction() as transaction:  # use, as the relay process would have found it
        transaction.execute("UPDATE roster SET used = abs(random()) % quota, messages = abs(random()) % 9999")
    directory.close()
    return file


def _accounts(home: Path, domain: str, accounts: int, password: str, key: str) -> Iterator[Saved]:
    for number in range(accounts):
        comment = COMMENTS[number % len(COMMENTS)]
        path = home / f"u{number}.yaml"
        path.write_text(f'password: "{password}"\nscram_sha_256: "{key}"\nquota: 5G\ncomment: "{comment}"\n')
        content = AccountFile.model_construct(
            password=password, scram_sha_256=key, quota=5 << 30, comment=comment
        )
        stamp = Stamp.of(path.stat())
        yield Saved(
            Name("account", domain, path.stem), stamp, content.model_dump_json(by_alias=True), None, 5 << 30
        )


class Person:
    """One browser, with one connection."""

    def __init__(self, port: int, domain: str, secret: str, accounts: int, seed: int) -> None:
        self.port, self.domain, self.secret, self.accounts = port, domain, secret, accounts
        self.random = random.Random(seed)
        self.csrf = ""

    async def connect(self) -> None:
        for _ in range(600):  # until the server is up
            try:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                return
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
        raise TimeoutError("the server does not start")

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[int, bytes, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: session={self.secret}\r\n"
            f"Accept-Language: ja\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        content = await self.reader.readexactly(int(length[1])) if length else b""
        return int(answer.split()[1]), answer, content

    async def click(self) -> tuple[str, float]:
        name, method, path, _ = self.random.choices(PAGES, [page[3] for page in PAGES])[0]
        number = self.random.randrange(2, self.accounts)
        path = path.format(d=self.domain, n=number, n3=self.random.randrange(1000))
        body = b""
        if method == "POST":
            form = {"csrf": self.csrf, "comment": f"saved {self.random.random()}", "limit": "5"}
            form |= {"messages": "", "aliases": "", "send_as": ""}
            body = urlencode(form).encode()
        began = time.perf_counter()
        status, _, content = await self.ask(method, path, body)
        took = time.perf_counter() - began
        assert status == (303 if method == "POST" else 200), (status, path, content[:3000])
        return name, took

    async def begin(self) -> None:
        await self.connect()
        _, _, page = await self.ask("GET", "/own/security")
        found = re.search(rb'name="csrf" value="(\w+)"', page)
        assert found is not None, page[:2000]
        self.csrf = found[1].decode()


async def clicks(people: list[Person], seconds: float, pause: float) -> dict[str, list[float]]:
    """What each page took, while all of them click."""
    times: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds

    async def one(person: Person) -> None:
        await asyncio.sleep(person.random.random() * pause)
        while time.monotonic() < end:
            name, took = await person.click()
            times[name].append(took)
            await asyncio.sleep(person.random.uniform(0.5, 1.5) * pause)

    await asyncio.gather(*map(one, people))
    return times


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used: what a busy machine does not blur."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(title: str, times: dict[str, list[float]], seconds: float, used: float) -> None:
    every = [took for each in times.values() for took in each]
    rate, each_cpu = len(every) / seconds, used / len(every) * 1e3
    print(f"\n{title}: {rate:.0f} pages/s, {each_cpu:.1f} ms CPU of the server each")
    print("| page | clicks | median | p95 | worst |\n|---|---|---|---|---|")
    for name, each in [*sorted(times.items()), ("all", every)]:
        p95 = statistics.quantiles(each, n=20)[18] if len(each) > 1 else each[0]
        print(
            f"| {name} | {len(each)} | {statistics.median(each) * 1e3:.0f} ms | {p95 * 1e3:.0f} ms"
            f" | {max(each) * 1e3:.0f} ms |"
        )


async def take_over(person: Person, accounts: int) -> None:
    """A file of new accounts: checked, confirmed, carried out; their passwords after them."""
    lines = ["address,limit,comment", *(f"csv{number},1,営業部" for number in range(accounts))]
    file = "\r\n".join(lines).encode()
    mark = "----panel"
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{person.csrf}\r\n--{mark}\r\n'
        'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
    ).encode() + file + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    base = f"/d/{person.domain}"
    began = time.perf_counter()
    status, _, page = await person.ask(
        "POST", f"{base}/accounts-file", body, f"multipart/form-data; boundary={mark}"
    )
    planned = time.perf_counter()
    plan = re.search(rb'name="plan" value="([^"]+)"', page)
    assert status == 200 and plan is not None, page[:3000]
    form = urlencode({"csrf": person.csrf, "plan": plan[1].decode()}).encode()
    _, head, _ = await person.ask("POST", f"{base}/accounts-file/go", form)
    where = re.search(rb"location: (\S+)", head)
    assert where is not None
    job, applied = where[1].decode(), 0.0
    while True:
        _, _, state = await person.ask("GET", f"{job}/state")
        done = re.search(rb'"done":(\d+)', state)
        if done and int(done[1]) >= accounts and not applied:
            applied = time.perf_counter()
        if b'"ended":true' in state:
            break
        await asyncio.sleep(0.1)
    ended = time.perf_counter()
    print(
        f"\n{accounts} accounts from a file: checked in {planned - began:.1f} s, made in {applied - planned:.1f} s,"
        f" their passwords hashed and set in a further {ended - applied:.1f} s"
    )


async def measure(port: int, pid: int, people: list[Person], options: argparse.Namespace) -> None:
    for person in people:
        await person.begin()
    await clicks(people, 3, 0)  # what is asked for the first time is compiled
    for pause in options.pause:
        before = cpu(pid)
        times = await clicks(people, options.seconds, pause)
        table(f"{PEOPLE} people, {pause:g} s between two clicks", times, options.seconds, cpu(pid) - before)
    other = Person(port, people[0].domain, people[0].secret, options.accounts, 99)
    await other.begin()
    work = asyncio.create_task(take_over(other, options.accounts))
    await asyncio.sleep(0.5)
    before = cpu(pid)
    times = await clicks(people, options.seconds, 1)
    table("The same people while a file is taken over, 1 s", times, options.seconds, cpu(pid) - before)
    await work


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows_panel", description=__doc__)
    parser.add_argument("--domains", type=int, default=100)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pause", type=float, nargs="+", default=[0, 1])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kwcmaild-panel-") as folder:
        file = make(Path(folder), options.domains, options.accounts)
        settings = load_settings(file)
        port = settings.web.listen[0].port
        panel, directory = Panel(settings.data / "state", time.time), Directory(settings)
        people = []
        for number in range(PEOPLE):
            domain = f"d{number % options.domains:03}.test"
            entry = directory.account(f"u1@{domain}")
            assert entry is not None
            secret = panel.begin(entry.address, mark_of(entry.file), "127.0.0.1", "benchmark")
            people.append(Person(port, domain, secret, options.accounts, number))
        panel.close()
        directory.close()
        server = subprocess.Popen([sys.executable, "-m", "kwcmaild", "web", "-c", str(file)], cwd=Path.cwd())
        try:
            asyncio.run(measure(port, server.pid, people, options))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()

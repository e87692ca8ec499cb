"""The control panel with 100 domains of 1,000 accounts each: how long its pages take while 20 people click at
once, and what each page costs.

    nice .venv/bin/python -m benchmarks.rows_panel [--domains 100] [--accounts 1000] [--seconds 20] [--pause 0 1]
        [--site FOLDER] [--workers 1] [--each 0]

`kwcmaild web` is a process of its own, over plain HTTP on loopback; the people are this process. Each is
signed in as the administrator of a domain (the first as the operator), clicks, waits for the page, and clicks on
(after `--pause` seconds). Then a file of as many accounts as a domain has is taken over, while the people go on
clicking. `--each 50` instead asks for every page 50 times, one after the other, and says how much of the CPU each
takes: what a busy machine blurs least. `--site` keeps the site for another run.
"""

import argparse
import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.panel_site import make
from config.load import load_settings
from storage.people.directory import Directory
from storage.state.panel import Panel
from storage.state.panel_tokens import Tokens
from web.office import mark_of
from web.scopes import expanded

PEOPLE = 20
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
    ("dashboard", "GET", "/d/{d}/", 1),
    ("mailing lists", "GET", "/d/{d}/lists", 1),
    ("a list", "GET", "/d/{d}/lists/list7", 1),
    ("forwards", "GET", "/d/{d}/forwards", 1),
    ("trace", "GET", "/d/{d}/trace?q=someone7", 1),
    ("DNS", "GET", "/d/{d}/dns", 1),
    ("settings", "GET", "/d/{d}/settings", 1),
    ("own start", "GET", "/own/", 1),
    ("own forward", "GET", "/own/forward", 1),
    ("mail programs", "GET", "/mail-programs", 1),
    ("notices", "GET", "/notices", 1),
    ("API: accounts", "API", "/api/v1/domains/{d}/accounts", 1),
    ("API: account", "API", "/api/v1/domains/{d}/accounts/u{n}", 1),
)
OPERATORS = (
    ("domains", "GET", "/domains", 2),
    ("all mail", "GET", "/dashboard", 1),
    ("queue", "GET", "/queue", 2),
    ("server", "GET", "/server", 1),
    ("whole audit log", "GET", "/audit", 1),
    ("all traces", "GET", "/trace?q=someone7", 1),
)


class Person:
    """One browser, with one connection."""

    def __init__(self, port: int, domain: str, secret: str, token: str, accounts: int, seed: int) -> None:
        self.port, self.domain, self.secret, self.token = port, domain, secret, token
        self.accounts = accounts
        self.random = random.Random(seed)
        self.pages = PAGES if seed else PAGES + OPERATORS
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
        who = f"Authorization: Bearer {self.token}" if method == "API" else f"Cookie: session={self.secret}"
        head = (
            f"{method.replace('API', 'GET')} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{who}\r\n"
            f"Accept-Language: ja\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        content = await self.reader.readexactly(int(length[1])) if length else b""
        return int(answer.split()[1]), answer, content

    async def click(self, page: tuple[str, str, str, int] | None = None) -> tuple[str, float]:
        """One page, by chance if none is said; what it is called and how long it took."""
        chosen = page or self.random.choices(self.pages, [each[3] for each in self.pages])[0]
        name, method, path, _ = chosen
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


def cpu(pids: Sequence[int]) -> float:
    """Seconds of CPU that processes have used: what a busy machine does not blur."""
    used = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():  # in ns; a thread that has ended is missing
            used += int((task / "schedstat").read_text().split()[0])
    return used / 1e9


def tree(pid: int) -> list[int]:
    """A process and its workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


async def one_by_one(person: Person, pids: Sequence[int], times: int) -> None:
    """What every page costs by itself."""
    print("| page | CPU | octets |\n|---|--:|--:|")
    total = share = 0.0
    for page in person.pages:
        for _ in range(3):
            await person.click(page)
        before = cpu(pids)
        for _ in range(times):
            await person.click(page)
        each = (cpu(pids) - before) / times * 1e3
        method, path = page[1], page[2].format(d=person.domain, n=5, n3=5)
        size = len((await person.ask(method, path))[2]) if method != "POST" else 0
        print(f"| {page[0]} | {each:.2f} ms | {size:,} |", flush=True)
        total, share = total + each * page[3], share + page[3]
    print(f"\nas people click: {total / share:.2f} ms")


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
    mark = f"{time.time():.0f}"
    lines = ["address,limit,comment", *(f"csv{mark}-{number},1,営業部" for number in range(accounts))]
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


async def measure(port: int, server: int, people: list[Person], options: argparse.Namespace) -> None:
    for person in people:
        await person.begin()
    pids = tree(server)
    if options.each:
        await one_by_one(people[0], pids, options.each)
        return
    await clicks(people, 3, 0)  # what is asked for the first time is compiled
    for pause in options.pause:
        before = cpu(pids)
        times = await clicks(people, options.seconds, pause)
        table(f"{PEOPLE} people, {pause:g} s between two clicks", times, options.seconds, cpu(pids) - before)
    if not options.file:
        return
    other = Person(port, people[0].domain, people[0].secret, people[0].token, options.accounts, 99)
    await other.begin()
    work = asyncio.create_task(take_over(other, options.accounts))
    await asyncio.sleep(0.5)
    before = cpu(pids)
    times = await clicks(people, options.seconds, 1)
    table("The same people while a file is taken over, 1 s", times, options.seconds, cpu(pids) - before)
    await work


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows_panel", description=__doc__)
    parser.add_argument("--domains", type=int, default=100)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pause", type=float, nargs="+", default=[0, 1])
    parser.add_argument("--site", type=Path)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--no-file", dest="file", action="store_false")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kwcmaild-panel-") as folder:
        file = make(options.site or Path(folder), options.domains, options.accounts)
        settings = load_settings(file)
        port = settings.web.listen[0].port
        panel, directory = Panel(settings.data / "state", time.time), Directory(settings)
        tokens, people = Tokens(panel.db, time.time), []
        for number in range(PEOPLE):
            domain = f"d{number % options.domains:03}.test"
            entry = directory.account(f"u{1 if number else 0}@{domain}")
            assert entry is not None
            secret = panel.begin(entry.address, mark_of(entry.file), "127.0.0.1", "benchmark")
            for token in tokens.of(entry.address):
                tokens.delete(token.id)
            token_secret = tokens.add(entry.address, "benchmark", expanded(["*:*"]))[1]
            people.append(Person(port, domain, secret, token_secret, options.accounts, number))
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

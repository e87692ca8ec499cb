"""A site for the benchmark of the panel: domains full of accounts, as a server has them after some months.

The directory's cache is filled as the background pass would have filled it, and mails with their ways, counts,
queue, audit log and notices are put where the other processes would have put them. All accounts have one
password, hashed once.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from config.account import AccountFile
from config.load import load_settings
from config.settings import Settings
from kwcmaild.certificate import self_signed
from net.server import bind
from storage.message import Message
from storage.people.directory import Directory
from storage.people.directory_cache import Name, Saved, Stamp
from storage.people.passwords import hash_password, scram_sha_256_key
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Parcel
from storage.state.hourly import HOUR, WHATS, Hourly
from storage.state.mails import Arrived, Mails
from storage.state.panel import Panel
from storage.state.panel_notices import Notices, Words
from storage.state.traces import Traces
from storage.status import DELIVERED

PASSWORD = "kumo-to-ame-77"
COMMENTS = ("営業部 東京", "総務部", "開発部 第二課", "経理", "Sales Osaka", "")
MAILS = 500  # of each domain, of the last days
QUEUED = 1_000
AUDITED = 20_000  # lines of the audit log
DAYS = 30  # of hourly counts


def make(folder: Path, domains: int, accounts: int) -> Path:
    """All of it, or what an earlier run has made there; the settings, with a port that is free now."""
    file = folder / "kwcmaild.yaml"
    made = folder / f"made-{domains}-{accounts}"
    if not made.exists():
        for name in ("data", "run", "domains"):
            (folder / name).mkdir(parents=True)
        tls = self_signed(["mail.example.test"], "benchmark")
        (folder / "cert.pem").write_bytes(tls.certificate)
        (folder / "key.pem").write_bytes(tls.key)
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    sock.close()
    file.write_text(
        "hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\noperators: [u0@d000.test]\n"
        f'web: {{listen: [{{address: "127.0.0.1:{port}", tls: none}}], api_requests: 1000000}}\n'
        "tls: {certificate: cert.pem, key: key.pem}\nlog: {level: warning}\nservice: {capacity_most: 9T}\n"
    )
    if not made.exists():
        settings = load_settings(file)
        _directory(settings, domains, accounts)
        _history(settings, domains, accounts)
        made.touch()
    return file


def _directory(settings: Settings, domains: int, accounts: int) -> None:
    directory = Directory(settings)
    password, key = hash_password(PASSWORD), scram_sha_256_key(PASSWORD)
    for number in range(domains):
        domain = f"d{number:03}.test"
        home = settings.domains / domain / "accounts"
        home.mkdir(parents=True)
        (home.parent / "domain.yaml").write_text(f"capacity: 8T\nadministrators: [u1@{domain}]\n")
        (home.parent / "lists").mkdir()
        for each in range(30):
            members = "".join(f"  - u{member}@{domain}\n" for member in range(each, each + 20))
            (home.parent / f"lists/list{each}.yaml").write_text(f"owner: u1@{domain}\nmembers:\n{members}")
        forwards = "".join(f"out{each}: [someone{each}@elsewhere.test]\n" for each in range(60))
        (home.parent / "forwards.yaml").write_text(forwards)
        directory.cache.put(_accounts(home, domain, accounts, password, key))
        directory.cache.set_passed(domain, time.time())
        directory.domain(domain)
    with directory.cache._db.transaction() as transaction:  # use, as the relay process would have found it
        transaction.execute("UPDATE roster SET used = abs(random()) % quota, messages = abs(random()) % 9999")
    directory.close()


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


def _history(settings: Settings, domains: int, accounts: int) -> None:
    """Mails and their ways, counts by the hour, a queue, an audit log and notices."""
    state, now = settings.data / "state", time.time()
    mails, hourly, panel = Mails(state), Hourly(state), Panel(state, time.time)
    traces = Traces(state, settings.traces)
    for number in range(domains):
        domain = f"d{number:03}.test"
        rows = []
        for each in range(MAILS):
            trace, at = f"{number:06x}{each:010x}", now - each * 200
            to = f"u{each % accounts}@{domain}"
            sender, subject = f"someone{each}@elsewhere.test", "見積書の件".encode()
            rows.append(Arrived(at, (domain,), trace, True, sender, (to,), subject))
            traces.note(trace, "accepted", sender=sender, peer="192.0.2.7", detail={"to": to}, at=at)
            traces.note(trace, "stored", recipient=to, status=DELIVERED, detail={"account": to}, at=at)
        mails.add(rows)
        traces.close()  # what was noted is on the disk before the buffer is full
        traces = Traces(state, settings.traces)
        hours = range(int(now) // HOUR - 24 * DAYS, int(now) // HOUR)
        names = (domain, "") if not number else (domain,)
        hourly.add(Counter({(name, hour, what): 7 for name in names for hour in hours for what in WHATS}), 0)
    for number in range(AUDITED // 1000):
        who = f"u1@d{number % domains:03}.test"
        panel.note_all(who, [("account.change", f"u{n}@{who[3:]}", "comment") for n in range(1000)])
    words = Words("maintenance", "everybody", now - 60, now + 86_400, "保守のお知らせ", "", "Maintenance", "")
    Notices(panel.db, time.time).add(words, "u0@d000.test")
    path = settings.data / "queued.eml"
    path.write_bytes(b"From: a@d000.test\r\nSubject: waits\r\n\r\nText.\r\n")
    message = Message(path, path.stat().st_size)
    queue = Queue(settings.data / "queue")
    for number in range(QUEUED):
        addressees = [Addressee(f"someone{number}@elsewhere{number % 50}.test")]
        parcel = Parcel(message, f"u1@d{number % domains:03}.test", addressees)
        queue.add_all([parcel], f"{number:016x}")
    for state_of in (mails, hourly, panel, traces, queue):
        state_of.close()

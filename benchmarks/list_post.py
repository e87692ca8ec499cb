"""A post of 5 MB to 1,000 local members: one file with a thousand names, and how long it takes.

    python -m benchmarks.list_post [--members N] [--posts N] [--folder DIR]

The pipeline of one process runs here, its store on the disk of `--folder`; `storage.open_indexes` is as shipped.
The first post makes every account, the second finds a thousand that are not open any more, as each later one does.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import uvloop

from benchmarks.mail import message
from filters.build import build
from filters.mail import Mail
from net.resolver import Resolver
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import parse
from storage.queue.queue import Queue
from tests.house import DOMAIN, House, Site
from tests.nameserver import NameServer

SIZE = 5 * 1000 * 1000
LINE = b"The quick brown fox jumps over the lazy dog, and nobody minds at all.\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--posts", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, help="where the mailboxes are; a temporary folder if not given"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="kwcmaild-list-") as folder:
        uvloop.run(_measure(Path(folder), options.members, options.posts))


async def _measure(folder: Path, members: int, posts: int) -> None:
    names = await NameServer().start()
    (folder / "site").mkdir()
    site = Site.make(folder / "site", filters="{sender_auth: {enabled: false}, spam: {engine: none}}")
    addresses = [f"member{number}@{DOMAIN}" for number in range(members)]
    for address in addresses:
        path = site.folder / f"domains/{DOMAIN}/accounts/{address.partition('@')[0]}.yaml"
        path.write_text("quota: 10G\n")
    lists = site.folder / f"domains/{DOMAIN}/lists"
    lists.mkdir()
    listed = "".join(f"  - {address}\n" for address in addresses[1:])
    (lists / "all.yaml").write_text(f"owner: {addresses[0]}\nposting: anyone\nmembers:\n{listed}")
    house = await House(site).open()
    queue = Queue.of(house.store)
    resolver = Resolver([names.address])
    pipeline = build(house.settings, house.store, queue, resolver)
    print("| post | seconds | CPU | files |\n| --- | --: | --: | --: |")
    for number in range(posts):
        source = message(number) + LINE * ((SIZE - 4096) // len(LINE))
        spooled = folder / f"spooled-{number}"
        spooled.write_bytes(source)
        mail = Mail("a@elsewhere.test", "127.0.0.1", f"b.{number}", head=source[: end_of_header(source)])
        found = await pipeline.recipient(mail, parse(f"all@{DOMAIN}"), len(source))
        mail = replace(mail, message=Message(spooled, len(source)), recipients=(found,))  # type: ignore[arg-type]
        began, before = time.perf_counter(), _cpu()
        answer = await pipeline.receive(mail)
        wall, cpu = time.perf_counter() - began, _cpu() - before
        assert answer.ok, answer
        inodes, links = _files(site.folder / "data", len(source))
        assert links == (number + 1) * members, links
        print(f"| {number + 1} | {wall:.2f} | {cpu:.2f} s | {inodes - number} |", flush=True)
    pipeline.close()
    queue.close()
    await resolver.close()
    await house.close()
    await names.stop()


def _files(data: Path, least: int) -> tuple[int, int]:
    """How many files of that size there are, and how many names they have."""
    inodes, names = set(), 0
    for folder, _, files in os.walk(data / "mail"):
        for name in files:
            status = os.stat(os.path.join(folder, name))
            if status.st_size >= least:
                inodes.add(status.st_ino)
                names += 1
    return len(inodes), names


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

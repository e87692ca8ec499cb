"""`python -m benchmarks`: both servers side by side, each row first the one and then the other, run after run."""

import argparse
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop

from benchmarks.disk import Disk
from benchmarks.figure import Figure
from benchmarks.kwcmaild import Kwcmaild
from benchmarks.noise import Noise
from benchmarks.rival import Rival
from benchmarks.rows import ROWS, Row
from benchmarks.server import HOSTNAME, Server
from benchmarks.sinks import Sinks
from benchmarks.table import Results, table
from benchmarks.wire import Refused
from kwcmaild.certificate import self_signed

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")  # Dovecot takes one for each client in IDLE
RELAYED = ("relay", "relay-signed", "relay-tls", "submit", "queue")  # rows that need sinks
PACKAGES = ("postfix", "dovecot-imapd", "dovecot-lmtpd", "dovecot-pop3d")


def main() -> None:
    options = _options()
    rows = [row for row in ROWS if options.rows is None or row.name in options.rows]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever stops this stops the servers too
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    disk = Disk()
    try:
        with _enough_inotify():
            _compare(disk, rows, options)
    finally:
        disk.close()


def _options() -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", help=", ".join(names))
    parser.add_argument("--runs", type=int, default=3, help="times that each row is measured (3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of kwcmaild (1 2)")
    parser.add_argument("--only-ours", action="store_true", help="kwcmaild alone: for profiles")
    parser.add_argument("--install", action="store_true", help="Debian's packages where they are missing")
    return parser.parse_args()


def _compare(disk: Disk, rows: Sequence[Row], options: argparse.Namespace) -> None:
    if os.geteuid() != 0 and not options.only_ours:
        print("Postfix starts for root alone: kwcmaild is measured without it.", file=sys.stderr)
        options.only_ours = True
    if options.install and not options.only_ours:
        _install()
    tls = _certificate(disk.work)
    sinks = Sinks(tls)
    ours = [Kwcmaild(disk.work, disk.folder, tls, sinks, workers) for workers in options.workers]
    servers: list[Server] = (
        [*ours] if options.only_ours else [Rival(disk.work, disk.folder, tls, sinks), *ours]
    )
    started: list[Server] = []
    results = Results([server.name for server in servers])
    noise = Noise()
    try:
        if any(row.name in RELAYED for row in rows):
            sinks.start()
        for server in servers:
            started.append(server)
            server.start()
        for run in range(options.runs):
            for row in rows:
                for server in servers:
                    server.keep_texts(row.texts)
                    disk.sync()
                    began = time.perf_counter()
                    try:
                        with noise.beside(server):
                            figures = uvloop.run(_measure(row, server))
                    except (Refused, TimeoutError, OSError) as error:
                        print(f"{run + 1} {row.name} {server.name} FAILED: {error!r}", file=sys.stderr)
                        continue
                    results.add(row, server.name, figures)
                    shown = ", ".join(f"{f.what} {f.value:.2f} {f.unit}" for f in figures)
                    spent = time.perf_counter() - began
                    print(
                        f"{run + 1} {row.name:12} {server.name:20} {shown} [{spent:.0f} s]", file=sys.stderr
                    )
    finally:
        for server in reversed(started):
            server.stop()
        sinks.stop()
        print(table(results, rows))
        print(f"\n{_surroundings(disk, servers, options.runs)}\n{noise}")


async def _measure(row: Row, server: Server) -> list[Figure]:
    return await row.run(server)


def _surroundings(disk: Disk, servers: Sequence[Server], runs: int) -> str:
    model = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    counted = "control groups" if all(server.group.exact for server in servers) else "/proc/<pid>/stat"
    versions = _versions()
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {model}, Linux {platform.release()}, Python"
        f" {platform.python_version()}; {versions}. Disk: {disk.kind}. CPU counted by {counted}."
        f" Medians of {runs} runs."
    )


def _versions() -> str:
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "postfix", "dovecot-core"]
    return subprocess.run(query, timeout=30, capture_output=True, text=True).stdout.rstrip(", ")


def _certificate(work: Path) -> tuple[Path, Path]:
    """The same for both: certificate and key."""
    made = self_signed([HOSTNAME, "127.0.0.1"], "benchmark")
    paths = work / "cert.pem", work / "key.pem"
    for path, text in zip(paths, (made.certificate, made.key), strict=True):
        path.write_bytes(text)
        path.chmod(0o600)
    return paths


@contextmanager
def _enough_inotify() -> Iterator[None]:
    """As Dovecot's own documentation asks for with so many clients; put back afterwards."""
    before = INOTIFY.read_text()
    if os.geteuid() != 0 or int(before) >= 8192:
        yield
        return
    INOTIFY.write_text("8192")
    try:
        yield
    finally:
        INOTIFY.write_text(before)


def _install() -> None:
    """Debian's packages, without a service being started (policy-rc.d says no while they are set up)."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}\n", *PACKAGES]
    found = subprocess.run(query, timeout=30, capture_output=True, text=True)
    if found.stdout.split() == ["installed"] * len(PACKAGES):
        return
    policy = Path("/usr/sbin/policy-rc.d")
    new = not policy.exists()
    if new:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        subprocess.run(["apt-get", "update", "-qq"], timeout=300, check=False)
        subprocess.run(command, timeout=900, check=True, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if new:
            policy.unlink()


if __name__ == "__main__":
    main()

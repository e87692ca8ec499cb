"""`make fuzz`: each target for some seconds with atheris, which follows the branches that its octets take.

    python -m tests.fuzz.run [TARGET ...] [--seconds N]

Each target runs in a process of its own. What it finds lies in tests/fuzz/found/<target>/ as a file, and fails
the run; a corpus is kept in tests/fuzz/corpus/<target>/ (neither is part of the repository). Without atheris
(it has no package for every Python) hypothesis looks for as long instead.
"""

import argparse
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("targets", nargs="*")
    arguments.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments.add_argument("--one", action="store_true", help="run the single target in this process")
    given = arguments.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.one:
        _one(given.targets[0], given.seconds)
        return 0
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in given.targets or TARGETS:
        print(f"{name}: {given.seconds} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, "--seconds", str(given.seconds)]
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "nothing found")
    return 1 if failed else 0


def _one(name: str, seconds: int) -> None:
    if find_spec("atheris") is None:
        _with_hypothesis(name, seconds)
        return
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["config", "filters", "imap", "net", "pop3", "smtp", "storage"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    corpus, found = HERE / "corpus" / name, HERE / "found" / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(target.examples):
        (corpus / f"example-{number}").write_bytes(example)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={found}/", str(corpus)], target.run)
    atheris.Fuzz()


def _with_hypothesis(name: str, seconds: int) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    examples = st.sampled_from(target.examples)
    octets = st.one_of(
        st.binary(max_size=1000), st.lists(st.one_of(examples, st.binary(max_size=20))).map(b"".join)
    )
    end = time.monotonic() + seconds

    @settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(octets)
    def look(data: bytes) -> None:
        target.run(data)

    while time.monotonic() < end:
        look()


if __name__ == "__main__":
    sys.exit(main())

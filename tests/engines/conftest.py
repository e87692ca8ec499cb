"""Engines as Debian ships them, each started once for the tests that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.daemon import program, running
from tests.unit.smtp.conftest import connect as connect  # the same client, as a fixture here

# In two pieces, so that no scanner mistakes this file for what it is about.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(scope="session")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a clamd that knows one signature, ours for the EICAR string."""
    folder = tmp_path_factory.mktemp("clamd")
    command = program("clamd")
    database = folder / "db"
    database.mkdir()
    (database / "tests.ndb").write_text(f"Tests.Eicar:0:*:{EICAR.hex()}\n")
    socket = folder / "clamd.sock"
    (folder / "clamd.conf").write_text(
        f"LocalSocket {socket}\nDatabaseDirectory {database}\nForeground yes\nLogFile {folder / 'clamd.log'}\n"
        f"TemporaryDirectory {folder}\nStreamMaxLength 30M\nMaxThreads 4\nAlertExceedsMax yes\nMaxRecursion 5\n"
        "MaxScanSize 20M\nMaxFileSize 10M\nSelfCheck 3600\n"
    )
    with running([command, "-c", str(folder / "clamd.conf")], folder / "out", socket):
        yield socket

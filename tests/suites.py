"""Others' test suites, out of the source distributions of the libraries that carry them: PyPI's, and Debian's.

They are never a part of this project: `make test` fetches the distributions into `.venv/suites`, in the versions
of requirements.lock. Where that was not possible the tests that need one are skipped by name.
"""

import tarfile
from pathlib import Path

import pytest

PLACE = Path(__file__).parent.parent / ".venv/suites"


def member(distribution: str, path: str) -> bytes:
    """A file of a distribution, by its path below the top folder. Skips the test where there is none."""
    found = sorted(PLACE.glob(f"{distribution}[-_]*.tar.gz"))
    if not found:
        pytest.skip(
            f"the source distribution of {distribution} is not there (`make .venv/.suites` fetches it)"
        )
    with tarfile.open(found[-1]) as archive:
        for name in archive.getnames():
            if name.partition("/")[2] == path:
                file = archive.extractfile(name)
                assert file is not None
                return file.read()
    raise FileNotFoundError(f"{path} in {found[-1].name}")

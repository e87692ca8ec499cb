"""Every conversation under tests/transcripts/, played against a running door."""

from pathlib import Path

import pytest

from tests.house import House
from tests.transcript import play

FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(FOLDER.glob("*/*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
async def test_transcript(path: Path, house: House) -> None:
    await play(path, house)

"""One stage for all tests of this folder; each test has names and accounts of its own on it."""

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.neighbours import packages, stage
from tests.neighbours.land import Land
from tests.neighbours.peers import Script, Server


@pytest.fixture(scope="session")
def land() -> Iterator[Land]:
    try:
        stage.possible()
    except stage.NoStage as reason:
        pytest.skip(str(reason))
    if missing := packages.missing():
        pytest.skip(f"not there: {', '.join(missing)} (make neighbours)")
    land = Land()
    try:
        yield land.start()
    finally:
        land.stop()
        shutil.rmtree(land.folder)


@pytest.fixture(autouse=True)
def emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test that failed has left in the queue is no business of the next one."""
    yield
    if "land" in request.fixturenames:
        land = request.getfixturevalue("land")
        for server in (land.alpha, land.beta):
            if server.anything_queued():
                server.run("queue", "delete", "--all")


@pytest.fixture
def serve(land: Land) -> Iterator[Callable[[int, Script], Server]]:
    """Runs servers in the town until the test ends."""
    servers: list[Server] = []

    def start(number: int, script: Script, port: int = 25) -> Server:
        servers.append(Server(land.town, number, script, port))
        return servers[-1]

    yield start
    for server in servers:
        server.close()

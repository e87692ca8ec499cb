"""Chromium in front of a running server: Debian's, driven by Playwright, which brings no browser of its own.

Where either is missing, the tests are skipped by name.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.daemons import Daemons

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).resolve().parents[2] / ".venv/axe"  # fetched once


@pytest.fixture(scope="session")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    daemons = Daemons(tmp_path_factory.mktemp("server"))
    try:
        yield daemons.start()
    finally:
        daemons.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Not for the session: while Playwright is open its event loop runs, and no other test could have one."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=180_000
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor(daemons: Daemons, chromium: Any) -> Iterator[Callable[..., Any]]:
    """A page of a new person: `visitor("ja", script=False, width=375, who=address, password=…)`."""
    contexts = []

    def come(
        language: str = "en", *, script: bool = True, width: int = 1440, who: str = "", password: str = ""
    ) -> Any:
        context = chromium.new_context(
            base_url=daemons.demo.panel,
            ignore_https_errors=True,  # the demo's authority is nobody's
            locale="ja-JP" if language == "ja" else "en-US",
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        if who:
            page.goto("/login")
            page.fill("#address", who)
            page.fill("#password", password or daemons.demo.passwords[who])
            page.click("main button")
        return page

    yield come
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, Deque's checker of accessibility, from the npm registry: used, not kept."""
    source = AXE / "package/axe.min.js"
    if not source.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not there to fetch axe-core")
        AXE.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(
            [npm, "pack", "axe-core@4.10.3", "--silent"], cwd=AXE, capture_output=True, text=True, timeout=120
        )
        if fetched.returncode != 0:
            pytest.skip("axe-core cannot be had from the npm registry")
        subprocess.run(["tar", "xzf", fetched.stdout.split()[-1]], cwd=AXE, check=True)
    return source.read_text()

"""The panel over a small site, asked as a browser asks it: cookies are kept, forms carry their token.

`panel` is made once for a module; each `panel.browser()` is another person's. Tests of one module share the site:
they make the accounts that they change themselves.
"""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from config import edit
from storage.people.directory_cache import Name
from tests.house import DOMAIN, PASSWORDS, House, Site
from web.app import application

ORIGIN = "https://mail.example.test"


class Browser(httpx.AsyncClient):
    """One browser. `post` sends a form as the page that was got last would send it."""

    token = ""

    async def send(self, request: httpx.Request, **more: Any) -> httpx.Response:
        answer = await super().send(request, **more)
        if found := re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text):
            self.token = found[1]
        return answer

    async def submit(self, path: str, values: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """POST a form with its token; the answer to it, not followed."""
        return await self.post(path, data={"csrf": self.token, **(values or {})}, **more)

    async def sign_in(self, local: str, password: str | None = None, domain: str = DOMAIN) -> "Browser":
        await self.get("/login")
        values = {"address": f"{local}@{domain}", "password": password or PASSWORDS[local]}
        answer = await self.submit("/login", values)
        assert answer.status_code == 303, answer.text
        await self.get("/login?lang=en", follow_redirects=False)
        return self


class Panel:
    """The application over a house."""

    def __init__(self, house: House, office: Any) -> None:
        self.house = house
        self.office = office
        self.app = application(office)
        self.browsers: list[Browser] = []

    def administers(self, local: str, may: str = "", domain: str = DOMAIN) -> None:
        """Make an account the one administrator of a domain; `may` as in YAML: `accounts, lists`."""
        path = self.house.site.folder / f"domains/{domain}/domain.yaml"
        who = f"{{address: {local}@{DOMAIN}, may: [{may}]}}" if may else f"{local}@{DOMAIN}"
        text = f"capacity: 100G\nadministrators: [{who}]\n"
        self.office.directory.write(Name("domain", domain), text, edit.digest(path.read_text()))
        self.office.roles.forget()

    def browser(self, language: str = "en") -> Browser:
        browser = Browser(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=ORIGIN,
            headers={"Accept-Language": language},
        )
        self.browsers.append(browser)
        return browser

    async def signed_in(self, local: str, language: str = "en", domain: str = DOMAIN) -> Browser:
        return await self.browser(language).sign_in(local, domain=domain)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def panel(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Panel]:
    """For tests with `pytestmark = pytest.mark.asyncio(loop_scope="module")`."""
    folder: Path = tmp_path_factory.mktemp("site")
    house = await House(Site.make(folder)).open()
    panel = Panel(house, await house.office())
    yield panel
    for browser in panel.browsers:
        await browser.aclose()
    await house.close()

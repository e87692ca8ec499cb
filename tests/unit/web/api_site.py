"""A site with a person of each kind, and the API asked as each of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from storage.state.panel_tokens import Tokens
from tests.house import DOMAIN, House, Site
from web.app import application
from web.scopes import expanded

OTHER = "other.test"
ORIGIN = "https://mail.example.test"

# One letter for each kind of person: operator, administrator, one for accounts alone, one for lists alone,
# one who only reads, a user, the administrator of another domain.
PEOPLE = {
    "O": f"operator@{DOMAIN}",
    "A": f"boss@{DOMAIN}",
    "C": f"clerk@{DOMAIN}",
    "L": f"lister@{DOMAIN}",
    "R": f"reader@{DOMAIN}",
    "U": f"taro@{DOMAIN}",
    "X": f"boss@{OTHER}",
}


def write(site: Site) -> None:
    """The two domains with these people."""
    domains = site.folder / "domains"
    for local in ("operator", "boss", "clerk", "lister", "reader"):
        site.write_account(local, password="tarosecret")
    domains.joinpath(DOMAIN, "domain.yaml").write_text(
        f"capacity: 100G\nadministrators: [boss@{DOMAIN}, {{address: clerk@{DOMAIN}, may: [accounts]}},"
        f" {{address: lister@{DOMAIN}, may: [lists]}}, {{address: reader@{DOMAIN}, may: [read]}}]\n"
    )
    domains.joinpath(OTHER, "accounts").mkdir(parents=True)
    domains.joinpath(OTHER, "domain.yaml").write_text(f"capacity: 100G\nadministrators: [boss@{OTHER}]\n")
    for local in ("boss", "jiro"):
        path = domains / OTHER / "accounts" / f"{local}.yaml"
        path.write_text(domains.joinpath(DOMAIN, "accounts/boss.yaml").read_text())
        path.chmod(0o600)


class Api:
    """The application over a house, asked without a browser."""

    def __init__(self, house: House, office: Any) -> None:
        self.house = house
        self.office = office
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(application(office), raise_app_exceptions=False), base_url=ORIGIN
        )
        self.secrets = {letter: self.token(letter, ["*:*"]) for letter in PEOPLE}

    @classmethod
    async def open(cls, folder: Path, **settings: str) -> "Api":
        site = Site.make(
            folder,
            operators=f"[operator@{DOMAIN}]",
            web="{api_requests: 1000000}",
            storage="{keep_free: 0}",
            **settings,
        )
        write(site)
        house = await House(site).open()
        return cls(house, await house.office())

    async def close(self) -> None:
        await self.client.aclose()
        await self.house.close()

    def token(self, letter: str, scopes: Iterable[str], expires: float | None = None) -> str:
        tokens = Tokens(self.office.panel.db, self.office.panel.clock)
        return tokens.add(PEOPLE[letter], "test", expanded(scopes), expires)[1]

    async def ask(self, letter: str, method: str, path: str, **more: Any) -> httpx.Response:
        """As one of the people, with a token of theirs that has every scope."""
        return await self.ask_with(self.secrets[letter], method, path, **more)

    async def ask_with(self, secret: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}", **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)

"""The pages: in two languages, without script, with this server's own names and ports."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from tests.unit.web.conftest import Panel
from web.language import LANGUAGES
from web.texts import TEXTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

Get = Callable[..., Awaitable[tuple[int, dict[str, str], str]]]


@pytest.fixture
def get(panel: Panel) -> Get:
    """GET as somebody who is not signed in: status, header fields, body."""

    async def ask(path: str, query: str = "", accept: str = "en") -> tuple[int, dict[str, str], str]:
        answer = await panel.browser(accept).get(f"{path}?{query}" if query else path)
        return answer.status_code, dict(answer.headers), answer.text

    return ask


async def test_page_in_the_browsers_language(get: Get) -> None:
    status, headers, body = await get("/help/settings", accept="ja,en;q=0.5")
    assert (status, headers["content-language"], headers["vary"]) == (200, "ja", "Accept-Language, Cookie")
    assert '<html lang="ja">' in body
    assert TEXTS["programs.lead"]["ja"] in body
    assert TEXTS["programs.lead"]["en"] in (await get("/help/settings", accept="fr"))[2]
    assert TEXTS["programs.lead"]["en"] in (await get("/help/settings", "lang=en", accept="ja"))[2]


async def test_page_names_every_server_once(get: Get) -> None:
    body = (await get("/help/settings"))[2]
    rows = re.findall(r"<code>(\S+?)</code></td>\s*<td class=\"number\"><code>(\d+)</code>", body)
    assert [(host, int(port)) for host, port in rows] == [
        ("mail.example.test", port) for port in (993, 143, 995, 110, 465, 587)
    ]
    assert "100 MB" in body


async def test_nothing_runs_and_nothing_comes_from_elsewhere(get: Get) -> None:
    for path in ("/help/settings", "/nothing-here", "/login"):
        _, headers, body = await get(path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?! src)|javascript:|\son\w+=|style=|https?://|src=\"//", body)
        for link in re.findall(r'(?:href|src)="(/[^"]*)"', body):
            assert (await get(link.replace("&amp;", "&")))[0] in (200, 303), link


async def test_unknown_page_says_so_in_both_languages(get: Get) -> None:
    for language in LANGUAGES:
        status, _, body = await get("/../etc/passwd", accept=language)
        assert status == 404
        assert TEXTS["missing"][language] in body


async def test_health(get: Get) -> None:
    assert (await get("/healthz"))[::2] == (200, "ok\n")


@pytest.mark.parametrize("path", ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"])
async def test_thunderbird_finds_the_settings(get: Get, path: str) -> None:
    status, headers, body = await get(path, "emailaddress=taro%40Example.JP")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "application/xml")
    provider = ElementTree.fromstring(body).find("emailProvider")
    assert provider is not None
    assert (provider.get("id"), provider.findtext("domain")) == ("example.jp", "example.jp")
    incoming = provider.findall("incomingServer")
    told = [(e.get("type"), e.findtext("port"), e.findtext("socketType")) for e in incoming]
    assert told[0] == ("imap", "993", "SSL")  # Thunderbird proposes the first
    assert told[1:] == [("imap", "143", "STARTTLS"), ("pop3", "995", "SSL"), ("pop3", "110", "STARTTLS")]
    outgoing = provider.find("outgoingServer")
    assert outgoing is not None
    assert outgoing.findtext("username") == "%EMAILADDRESS%"
    assert (outgoing.findtext("hostname"), outgoing.findtext("port")) == ("mail.example.test", "465")


@pytest.mark.parametrize("address", ["", "x", "@", "taro@<b>", "taro@%s", "a@" + "b" * 5000])
async def test_thunderbird_with_a_bad_address_gets_a_template(get: Get, address: str) -> None:
    body = (await get("/mail/config-v1.1.xml", f"emailaddress={quote(address)}"))[2]
    assert ElementTree.fromstring(body).findtext("emailProvider/domain") == "%EMAILDOMAIN%"

"""What mail programs are told: Outlook's autodiscover, Apple's profile, and the page's own code for phones."""

import plistlib
import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from config.public import public_url
from config.settings import Settings
from tests.unit.web.conftest import Panel
from web.programs import autodiscover, mobileconfig
from web.programs.autodiscover import Unusable
from web.programs.servers import servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover{xmlns}><Request><EMailAddress>{address}</EMailAddress>
<AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"""
XMLNS = ' xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"'
MOBILE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
OUTER = "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}"
INNER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def asked(
    address: str = "taro@example.test", xmlns: str = XMLNS, schema: str = autodiscover.OUTLOOK
) -> bytes:
    return REQUEST.format(address=address, xmlns=xmlns, schema=schema).encode()


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
@pytest.mark.parametrize("xmlns", [XMLNS, ""])
async def test_outlook_finds_the_servers(panel: Panel, path: str, xmlns: str) -> None:
    answer = await panel.browser().post(
        path, content=asked(xmlns=xmlns), headers={"Content-Type": "text/xml"}
    )
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    response = ElementTree.fromstring(answer.text).find(f"{INNER}Response")
    assert response is not None
    found = [
        tuple(
            each.findtext(f"{INNER}{name}") for name in ("Type", "Server", "Port", "Encryption", "LoginName")
        )
        for each in response.iter(f"{INNER}Protocol")
    ]
    assert found[0] == ("IMAP", "mail.example.test", "993", "SSL", "taro@example.test")
    assert ("SMTP", "mail.example.test", "465", "SSL", "taro@example.test") in found
    assert ("IMAP", "mail.example.test", "143", "TLS", "taro@example.test") in found


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 600),
        (b"not xml", 600),
        (asked("no address"), 600),
        (asked("<b>x</b>"), 600),
        (asked(schema=MOBILE), 601),
        (asked("a" * autodiscover.MOST_OCTETS + "@example.test"), 600),
        (b"<a>" * 5000, 600),
        (asked().replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', 1), 600),
        (asked("&e;@example.test"), 600),
        (b"\xff\xfe" + asked(), 600),
        (asked().replace(b"utf-8", b"no-such-charset"), 600),
    ],
)
async def test_what_cannot_be_answered_is_said_in_the_answer(panel: Panel, body: bytes, code: int) -> None:
    answer = await panel.browser().post("/autodiscover/autodiscover.xml", content=body)
    assert answer.status_code == 200
    error = ElementTree.fromstring(answer.text).find(f"{OUTER}Response/{OUTER}Error/{OUTER}ErrorCode")
    assert error is not None and error.text == str(code)
    assert "root:" not in answer.text


async def test_an_address_is_never_markup_in_the_answer() -> None:
    with pytest.raises(Unusable):
        autodiscover.read(asked("&lt;Server&gt;evil@example.test"))
    read = autodiscover.read(asked("a&amp;b@example.test"))
    assert b"<LoginName>a&amp;b@example.test</LoginName>" in autodiscover.answer(
        servers(Settings.model_validate({"hostname": "mail.example.test"})), read.address
    )


@pytest.mark.parametrize(
    "path",
    ["/autodiscover/autodiscover.json?Email=t@e.test&Protocol=AutodiscoverV1",
     "/autodiscover/autodiscover.json/v1.0/t@e.test?protocol=autodiscoverv1"],
)  # fmt: skip
async def test_version_2_points_to_version_1(panel: Panel, path: str) -> None:
    answer = await panel.browser().get(path)
    assert answer.json() == {
        "Protocol": "AutodiscoverV1",
        "Url": f"{public_url(panel.house.settings)}/autodiscover/autodiscover.xml",
    }
    refused = await panel.browser().get("/autodiscover/autodiscover.json?Protocol=ActiveSync")
    assert (refused.status_code, refused.json()["ErrorCode"]) == (400, "InvalidProtocol")


async def test_the_profile_is_signed_and_says_what_the_page_says(panel: Panel, tmp_path: Path) -> None:
    browser = panel.browser("ja")
    page = (await browser.get("/help/settings?address=taro@example.test")).text
    (link,) = re.findall(r'href="(/help/settings/profile[^"]*)"', page)
    answer = await browser.get(link)
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    assert "filename*=UTF-8''taro@example.test.mobileconfig" in answer.headers["content-disposition"]
    content = plistlib.loads(verified(answer.content, panel.house.site.certificate, tmp_path))
    (account,) = content["PayloadContent"]
    assert content["PayloadDisplayName"] == "taro@example.test のメール"
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (
        "mail.example.test",
        993,
    )
    assert (account["OutgoingMailServerPortNumber"], account["EmailAddress"]) == (465, "taro@example.test")
    assert not any(
        "Password" in key and isinstance(value, str) and "EmailAuth" not in value
        for key, value in account.items()
    )
    again: dict[str, Any] = plistlib.loads(
        verified((await browser.get(link)).content, panel.house.site.certificate, tmp_path)
    )
    assert again["PayloadUUID"] == content["PayloadUUID"]  # it replaces the one before


def verified(signed: bytes, certificate: Path, folder: Path) -> bytes:
    """What openssl takes out of the signature when it trusts our certificate."""
    path = folder / "profile"
    path.write_bytes(signed)
    done = subprocess.run(
        [
            "openssl",
            "smime",
            "-verify",
            "-inform",
            "DER",
            "-in",
            path,
            "-CAfile",
            certificate,
            "-purpose",
            "any",
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "<x>@example.test", "taro@example.test\r\nX: y"])
async def test_there_is_no_profile_for_what_is_no_address(panel: Panel, address: str) -> None:
    answer = await panel.browser().get("/help/settings/profile", params={"address": address})
    assert answer.status_code == 404


async def test_profile_needs_imap_and_smtp() -> None:
    settings = Settings.model_validate({"hostname": "mail.example.test", "imap": {"listen": []}})
    with pytest.raises(LookupError):
        mobileconfig.profile(
            servers(settings), "mail.example.test", "t@example.test", mobileconfig.Words("a", "b")
        )


async def test_the_same_for_an_address_that_is_here_and_one_that_is_not(panel: Panel) -> None:
    browser = panel.browser()
    pages = [
        (await browser.get(f"/help/settings?address={local}@example.test")).text for local in ("taro", "tarn")
    ]
    code = re.compile(r"<svg.*?</svg>", re.DOTALL)
    assert code.search(pages[0]) is not None
    assert code.sub("", pages[0]) == code.sub("", pages[1]).replace("tarn@", "taro@").replace(
        "tarn%40", "taro%40"
    )


async def test_signed_in_it_is_the_own_address(panel: Panel) -> None:
    taro = await panel.signed_in("taro")
    page = (await taro.get("/mail-programs")).text
    assert "<code>taro@example.test</code>" in page
    assert "profile?address=taro%40example.test" in page
    assert (await panel.browser().get("/mail-programs")).status_code == 303


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ([{"address": "0.0.0.0:443", "tls": "implicit"}], "https://mail.example.jp"),
        (
            [{"address": "0.0.0.0:8443", "tls": "implicit"}, {"address": "0.0.0.0:80"}],
            "https://mail.example.jp:8443",
        ),
        ([{"address": "127.0.0.1:8080"}], "https://mail.example.jp"),  # behind a proxy
    ],
)
async def test_the_url_for_phones(listen: list[dict[str, str]], url: str) -> None:
    settings = Settings.model_validate({"hostname": "mail.example.jp", "web": {"listen": listen}})
    assert public_url(settings) == url

"""Names and addresses: what is taken, in which form, and the sentence for what is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from config import values
from config.settings import Listen


@pytest.mark.parametrize(
    ("valid", "given", "taken"),
    [
        (values.domain_name, "Example.JP", "example.jp"),
        (values.domain_name, "1.xn--wgv71a119e.jp", "1.xn--wgv71a119e.jp"),
        (values.own_domain, "3Com.example", "3com.example"),
        (values.host_name, "LOCALHOST", "localhost"),
        (values.own_local_part, "Taro.Yamada-2", "taro.yamada-2"),
        (values.own_address, "Taro@Example.JP", "taro@example.jp"),
        (values.mail_address, "Taro+x@Example.JP", "Taro+x@example.jp"),
        (values.mail_address, '"taro."@example.jp', '"taro."@example.jp'),
        (values.mail_address, "用戸@example.jp", "用戸@example.jp"),
        (values.host_port, "mx.example.jp:25", "mx.example.jp:25"),
        (values.host_port, "[::1]:25", "[::1]:25"),
        (values.listen_address, "0.0.0.0:25", "0.0.0.0:25"),
        (values.listen_address, "[::]:0", "[::]:0"),
        (values.listen_address, "localhost:2525", "localhost:2525"),
        (values.name_server, "127.0.0.1:5353", "127.0.0.1:5353"),
        (values.name_server, "2001:db8::53", "2001:db8::53"),
        (values.name_server, "[2001:db8::53]:5353", "[2001:db8::53]:5353"),
    ],
)
def test_taken(valid: Callable[[str], str], given: str, taken: str) -> None:
    assert valid(given) == taken
    assert valid(taken) == taken


@pytest.mark.parametrize(
    ("valid", "given", "sentence"),
    [
        (values.domain_name, "example", "not a full domain name"),
        (values.domain_name, "192.0.2.1", "not a full domain name"),
        (values.domain_name, "a..jp", "a dot has nothing before or after it"),
        (values.domain_name, "example.jp.", "a dot has nothing"),
        (values.domain_name, "-a.jp", '"-a" may hold letters'),
        (values.domain_name, "a_b.jp", '"a_b" may hold letters'),
        (values.domain_name, "a" * 64 + ".jp", "at most 63"),
        (values.domain_name, ".".join(["a" * 60] * 5), "longer than 253"),
        (values.domain_name, "日本.jp", "not written in ASCII"),
        (values.own_domain, "日本.jp", "internationalised domain names .* are not offered"),
        (values.own_domain, "XN--wgv71a.jp", "internationalised domain names .* are not offered"),
        (values.own_address, "taro@日本語.jp", "internationalised domain names .* are not offered"),
        (values.own_address, "taro", "not a full address"),
        (values.own_local_part, "taro@example.jp", "only the part before the @"),
        (values.own_local_part, "a+b", "cannot stand before the @"),
        (values.own_local_part, "a%b", "cannot stand before the @"),
        (values.own_local_part, "a..b", "cannot stand before the @"),
        (values.own_local_part, ".a", "cannot stand before the @"),
        (values.own_local_part, "../a", "cannot stand before the @"),
        (values.own_local_part, "a\n", "cannot stand before the @"),
        (values.own_local_part, "", "cannot stand before the @"),
        (values.own_local_part, "a" * 65, "longer than 64"),
        (values.mail_address, "taro", "not a mail address"),
        (values.mail_address, "@example.jp", "not a mail address"),
        (
            values.mail_address,
            "taro yamada@docomo.ne.jp",
            "put quotes around the local part: '\"taro yamada\"@docomo.ne.jp'",
        ),
        (values.mail_address, "a@b@example.jp", "put quotes"),
        (values.mail_address, "a\r\n@example.jp", "not a mail address$"),
        (values.mail_address, "あ" * 22 + "@example.jp", "64 octets"),
        (values.listen_address, "25", "has no port"),
        (values.listen_address, "0.0.0.0", "has no port"),
        (values.listen_address, "::1:25", r"stands in brackets, such as \[::1\]:25"),
        (values.listen_address, "0.0.0.0:65536", "0 to 65535"),
        (values.listen_address, "0.0.0.0:２５", "has no port"),
        (values.listen_address, "mail.example.jp:25", "not an address to listen on"),
        (values.host_port, "mx:25", "not a full domain name"),
        (values.name_server, "dns.example.jp", "not a name server"),
        (values.name_server, "127.0.0.1:x", "not a name server"),
    ],
)
def test_refused(valid: Callable[[str], str], given: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        valid(given)


def test_host_and_port_of_a_listener() -> None:
    assert (Listen(address="[::1]:143").host, Listen(address="[::1]:143").port) == ("::1", 143)
    assert (Listen(address="127.0.0.1:0").host, Listen(address="127.0.0.1:0").port) == ("127.0.0.1", 0)


class Paths(BaseModel):
    file: values.FilePath
    engine: values.SocketAddress


@pytest.mark.parametrize(
    ("base", "file", "engine", "expected"),
    [
        (Path("/etc/k"), "cert.pem", "run/clamd", ("/etc/k/cert.pem", "/etc/k/run/clamd")),
        (Path("/etc/k"), "/ssl/cert.pem", "127.0.0.1:3310", ("/ssl/cert.pem", "127.0.0.1:3310")),
        (None, "cert.pem", "/run/clamd", ("cert.pem", "/run/clamd")),
    ],
)
def test_relative_paths_are_from_the_file(
    base: Path | None, file: str, engine: str, expected: tuple[str, str]
) -> None:
    context: Any = {"base": base} if base else None
    paths = Paths.model_validate({"file": file, "engine": engine}, context=context)
    assert (str(paths.file), paths.engine) == expected


@given(st.text(max_size=30))
def test_any_text_gives_a_value_or_a_sentence(text: str) -> None:
    for valid in (
        values.domain_name, values.own_domain, values.own_local_part, values.own_address, values.mail_address,
        values.host_port, values.listen_address, values.name_server,
    ):  # fmt: skip
        try:
            taken = valid(text)
        except ValueError:
            continue
        assert valid(taken) == taken
        assert not {"\r", "\n", "\0"} & set(taken)


def test_a_frozen_value_stays() -> None:
    listen = Listen(address="127.0.0.1:25")
    with pytest.raises(ValidationError, match="frozen"):
        listen.address = "0.0.0.0:25"  # type: ignore[misc]

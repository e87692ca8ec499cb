"""The signpost finds what trying every route finds; who administers what is known without a look at all domains."""

from pathlib import Path

import pytest
from starlette.routing import Match, Route

from storage.people.directory import Directory
from tests.house import DOMAIN, Site, put
from web.app import routes
from web.roles import EVERY, Roles
from web.routing import Signpost

ALL = routes()
SIGNPOST = Signpost(ALL)
ODD = [
    *("/", "", "//", "/d", "/d/", "/d//", "/d/x", "/d/x/y/z/w", "/*", "/d/*/accounts", "/d/x/accounts/a/b/c"),
    *("/static", "/static/../x", "/nothing", "/notices/+new", "/notices/7", "/own", "/own/"),
    *("/api/v1", "/api/v1/", "/api/v1/domains"),
]
PATHS = ODD + [
    route.path.replace("{domain}", "a.test").replace("{local}", "b+c").replace("{", "").replace("}", "")
    for route in ALL
    if isinstance(route, Route)
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_signpost_finds_what_the_first_fitting_route_is(method: str) -> None:
    for path in PATHS:
        scope = {"type": "http", "path": path, "method": method, "root_path": ""}
        tried = [(match, route) for route in ALL if (match := route.matches(scope)[0]) is not Match.NONE]
        full = [each for each in tried if each[0] is Match.FULL]
        expected = next(iter(full or tried), None)
        match, child = SIGNPOST.matches(scope)
        found = None if match is Match.NONE else (match, child["kwcmaild.route"])
        assert found == expected, (method, path)


def test_who_is_relieved_is_so_at_once_and_who_is_given_rights_soon(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    contract = tmp_path / f"domains/{DOMAIN}/domain.yaml"

    def write(administrators: str) -> None:
        put(contract, f"capacity: 100G\nadministrators: [{administrators}]\n")

    now = 0.0
    roles, directory = Roles(lambda: now), Directory(site.settings)
    write(f"taro@{DOMAIN}")
    assert [domain for domain, _ in roles.of(directory, f"taro@{DOMAIN}")] == [DOMAIN]
    write(f"hanako@{DOMAIN}")
    assert roles.of(directory, f"taro@{DOMAIN}") == []
    now += EVERY
    assert [domain for domain, _ in roles.of(directory, f"hanako@{DOMAIN}")] == [DOMAIN]
    write(f"taro@{DOMAIN}")
    assert roles.of(directory, f"taro@{DOMAIN}") == []
    roles.forget()
    assert [domain for domain, _ in roles.of(directory, f"taro@{DOMAIN}")] == [DOMAIN]
    directory.close()

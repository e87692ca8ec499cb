"""Who is told of an account: those of its domain, else those of the server, and never the account itself."""

from filters.administrators import administrators
from tests.house import House, Site, put


async def told(site: Site, domain: str, operators: str) -> list[str]:
    put((site.folder / "domains/example.test/domain.yaml"), f"capacity: 100G\n{domain}")
    settings = (site.folder / "kwcmaild.yaml").read_text()
    put((site.folder / "kwcmaild.yaml"), f"{settings}operators: [{operators}]\n")
    house = await House(site).open()
    try:
        return list(await house.store.run(administrators, house.store.directory, "taro@example.test"))
    finally:
        await house.close()


async def test_those_of_the_domain(site: Site) -> None:
    domain = "administrators: [taro@example.test, hanako@example.test]\n"
    site.write_account("op", password="x")
    assert await told(site, domain, "op@example.test") == ["hanako@example.test"]


async def test_else_the_operators(site: Site) -> None:
    site.write_account("op", password="x")
    assert await told(site, "administrators: [taro@example.test]\n", "op@example.test") == ["op@example.test"]


async def test_or_nobody(site: Site) -> None:
    assert await told(site, "", "taro@example.test, gone@example.test") == []

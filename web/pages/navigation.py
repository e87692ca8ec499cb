"""What the menu offers: to each person what they may, and no more."""

from dataclasses import dataclass

from web.person import Person, Right, may


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu. `{domain}` in its address is the domain that the page is about."""

    key: str
    href: str
    right: Right


@dataclass(frozen=True, slots=True)
class Link:
    key: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    key: str
    domain: str
    links: tuple[Link, ...]


SERVER = (
    Item("nav.dashboard", "/dashboard", Right.SERVER_SEE),
    Item("nav.domains", "/domains", Right.DOMAINS_SEE),
    Item("nav.queue", "/queue", Right.QUEUE_SEE),
    Item("nav.trace", "/trace", Right.SERVER_SEE),
    Item("nav.server_state", "/server", Right.SERVER_SEE),
    Item("nav.audit", "/audit", Right.SERVER_AUDIT),
)
DOMAIN = (
    Item("nav.dashboard", "/d/{domain}/", Right.DOMAIN_SEE),
    Item("nav.accounts", "/d/{domain}/accounts", Right.ACCOUNTS_SEE),
    Item("nav.lists", "/d/{domain}/lists", Right.LISTS_SEE),
    Item("nav.forwards", "/d/{domain}/forwards", Right.FORWARDS_SEE),
    Item("nav.trace", "/d/{domain}/trace", Right.TRACE_SEE),
    Item("nav.dns", "/d/{domain}/dns", Right.DNS_SEE),
    Item("nav.settings", "/d/{domain}/settings", Right.DOMAIN_SETTINGS),
    Item("nav.audit", "/d/{domain}/audit", Right.AUDIT_SEE),
)
OWN = (
    Item("nav.own_start", "/own/", Right.SIGNED_IN),
    Item("nav.own_forward", "/own/forward", Right.ACCOUNT_FORWARD),
    Item("nav.own_autoreply", "/own/autoreply", Right.ACCOUNT_AUTOREPLY),
    Item("nav.own_spam", "/own/spam", Right.ACCOUNT_SPAM),
    Item("nav.own_mail", "/own/mail", Right.ACCOUNT_DELETE_MAIL),
    Item("nav.own_security", "/own/security", Right.OWN_SECURITY),
    Item("nav.programs", "/mail-programs", Right.SIGNED_IN),
    Item("nav.tokens", "/own/tokens", Right.OWN_TOKENS),
    Item("nav.notices", "/notices", Right.NOTICES_SEE),
    Item("nav.contact", "/help/contact", Right.SERVER_INFO),
)


def groups(path: str, domain: str, person: Person | None) -> tuple[Group, ...]:
    """The menu of a person: the server's, the domain's, their own part."""
    if person is None:
        return ()
    found = []
    if person.operator or len(person.domains) > 1:
        found.append(Group("nav.server", "", _links(SERVER, path, "", person)))
    if domain:
        found.append(Group("nav.domain", domain, _links(DOMAIN, path, domain, person)))
    found.append(Group("nav.own", "", _links(OWN, path, "", person)))
    return tuple(group for group in found if group.links)


def _links(items: tuple[Item, ...], path: str, domain: str, person: Person) -> tuple[Link, ...]:
    address = "" if domain else person.address
    shown = [item for item in items if may(person, item.right, domain, address)]
    hrefs = [item.href.replace("{domain}", domain) for item in shown]
    best = max((href for href in hrefs if _below(path, href)), key=len, default="")
    return tuple(Link(item.key, href, href == best) for item, href in zip(shown, hrefs, strict=True))


def _below(path: str, href: str) -> bool:
    return path == href or (not href.endswith("/") and path.startswith(f"{href}/"))

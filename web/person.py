"""Who may do what: one table, asked by every page, every API call and every act.

A `Person` is who stands behind a request, made freshly for each from the YAML (operators in kwcmaild.yaml,
administrators in domain.yaml), so that a change there counts at once. `may` looks up the right in `RULES`:
which roles have it, and what scope an API token must have for it.

Invariants: what is not in the table nobody may; a role in one domain says nothing of another; nobody with less
rights changes an account of somebody with more (an administrator of accounts alone would else set the
operator's password and sign in as him); a token never may more than the person whose token it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from config.domain import Part


class Role(Enum):
    """What somebody can be, seen from what a request is about."""

    OPERATOR = auto()  # of the server: above all domains
    ADMINISTRATOR = auto()  # of the domain, for everything in it
    ACCOUNTS = auto()  # administers the domain's accounts and forward-only addresses, no more
    LISTS = auto()  # administers its mailing lists, no more
    READER = auto()  # sees what an administrator sees, changes nothing
    USER = auto()  # it is the person's own account
    ANYBODY = auto()  # has an account here


class Right(StrEnum):
    """What can be done. The value is what the audit log and the API's documents call it."""

    # every account, about itself
    SIGNED_IN = "signed-in"
    OWN_SECURITY = "own.security"  # its second factor, app passwords, sessions
    OWN_TOKENS = "own.tokens"
    NOTICES_SEE = "notices.see"
    SERVER_INFO = "server.info"  # names, ports, limits

    # an account: SERVICE.md, "Who may do what"
    ACCOUNTS_SEE = "accounts.see"
    ACCOUNT_SEE = "account.see"
    ACCOUNT_CREATE = "account.create"
    ACCOUNT_DELETE = "account.delete"
    ACCOUNT_LIMIT = "account.limit"
    ACCOUNT_COMMENT = "account.comment"
    ACCOUNT_ALIASES = "account.aliases"
    ACCOUNT_SUSPEND = "account.suspend"
    ACCOUNT_UNLOCK = "account.unlock"
    ACCOUNT_HOLD = "account.hold"  # its sending
    ACCOUNT_PASSWORD = "account.password"  # noqa: S105
    ACCOUNT_TWO_FACTOR_OFF = "account.two-factor-off"  # for who has lost the telephone
    ACCOUNT_SPAM = "account.spam"  # [SPAM] in the subject; sorting into Junk
    ACCOUNT_FORWARD = "account.forward"
    ACCOUNT_AUTOREPLY = "account.autoreply"
    ACCOUNT_RECEIVE = "account.receive"
    ACCOUNT_DELETE_MAIL = "account.delete-mail"
    ACCOUNT_MIGRATE = "account.migrate"  # copy mail from another server
    ACCOUNT_POP_FETCH = "account.pop-fetch"

    # a domain
    DOMAIN_SEE = "domain.see"  # dashboard, capacity
    DOMAIN_SETTINGS = "domain.settings"
    DOMAIN_ADMINISTRATORS = "domain.administrators"
    DOMAIN_CREATE = "domain.create"
    DOMAIN_DELETE = "domain.delete"
    DOMAIN_CAPACITY = "domain.capacity"
    LISTS_SEE = "lists.see"
    LISTS_EDIT = "lists.edit"
    FORWARDS_SEE = "forwards.see"
    FORWARDS_EDIT = "forwards.edit"
    DNS_SEE = "dns.see"
    TRACE_SEE = "trace.see"
    AUDIT_SEE = "audit.see"

    # the server
    DOMAINS_SEE = "domains.see"
    QUEUE_SEE = "queue.see"
    QUEUE_EDIT = "queue.edit"
    NOTICES_EDIT = "notices.edit"
    SERVER_SEE = "server.see"  # its state
    TOKENS_EDIT = "tokens.edit"  # of anybody
    SERVER_AUDIT = "server.audit"

    # who is not signed in
    PUBLIC = "public"


class Forbidden(Exception):
    """The person may not do this. `hidden`: not even know that there is such a thing."""

    def __init__(self, right: Right, *, hidden: bool) -> None:
        super().__init__(right)
        self.right = right
        self.hidden = hidden


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. `scope` is the first half of a token's scope: `accounts:read`, `accounts:write`."""

    roles: frozenset[Role]
    scope: str
    writes: bool = True


OPERATORS = frozenset({Role.OPERATOR})
FULL = OPERATORS | {Role.ADMINISTRATOR}
MAIL = FULL | {Role.ACCOUNTS}
LISTS = FULL | {Role.LISTS}
READERS = FULL | {Role.READER}
OWN = frozenset({Role.USER})
ALL = frozenset({Role.ANYBODY})

RULES: Mapping[Right, Rule] = {
    Right.SIGNED_IN: Rule(ALL, "own", writes=False),
    Right.OWN_SECURITY: Rule(OWN, "own"),
    Right.OWN_TOKENS: Rule(OWN, "own"),
    Right.NOTICES_SEE: Rule(ALL, "notices", writes=False),
    Right.SERVER_INFO: Rule(ALL, "server", writes=False),
    Right.ACCOUNTS_SEE: Rule(MAIL | READERS, "accounts", writes=False),
    Right.ACCOUNT_SEE: Rule(MAIL | READERS | OWN, "accounts", writes=False),
    Right.ACCOUNT_CREATE: Rule(MAIL, "accounts"),
    Right.ACCOUNT_DELETE: Rule(MAIL, "accounts"),
    Right.ACCOUNT_LIMIT: Rule(MAIL, "accounts"),
    Right.ACCOUNT_COMMENT: Rule(MAIL, "accounts"),
    Right.ACCOUNT_ALIASES: Rule(MAIL, "accounts"),
    Right.ACCOUNT_SUSPEND: Rule(MAIL, "accounts"),
    Right.ACCOUNT_UNLOCK: Rule(MAIL, "accounts"),
    Right.ACCOUNT_HOLD: Rule(MAIL, "accounts"),
    Right.ACCOUNT_PASSWORD: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_TWO_FACTOR_OFF: Rule(MAIL, "accounts"),
    Right.ACCOUNT_SPAM: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_FORWARD: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_AUTOREPLY: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_RECEIVE: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_DELETE_MAIL: Rule(MAIL | OWN, "accounts"),
    Right.ACCOUNT_MIGRATE: Rule(OWN, "accounts"),
    Right.ACCOUNT_POP_FETCH: Rule(MAIL | OWN, "accounts"),
    Right.DOMAIN_SEE: Rule(MAIL | LISTS | READERS, "domains", writes=False),
    Right.DOMAIN_SETTINGS: Rule(FULL, "domains"),
    Right.DOMAIN_ADMINISTRATORS: Rule(FULL, "domains"),
    Right.DOMAIN_CREATE: Rule(OPERATORS, "domains"),
    Right.DOMAIN_DELETE: Rule(OPERATORS, "domains"),
    Right.DOMAIN_CAPACITY: Rule(OPERATORS, "domains"),
    Right.LISTS_SEE: Rule(LISTS | READERS, "lists", writes=False),
    Right.LISTS_EDIT: Rule(LISTS, "lists"),
    Right.FORWARDS_SEE: Rule(MAIL | READERS, "forwards", writes=False),
    Right.FORWARDS_EDIT: Rule(MAIL, "forwards"),
    Right.DNS_SEE: Rule(READERS, "domains", writes=False),
    Right.TRACE_SEE: Rule(MAIL | READERS, "traces", writes=False),
    Right.AUDIT_SEE: Rule(READERS, "audit", writes=False),
    Right.DOMAINS_SEE: Rule(ALL, "domains", writes=False),  # each sees the own ones
    Right.QUEUE_SEE: Rule(OPERATORS, "queue", writes=False),
    Right.QUEUE_EDIT: Rule(OPERATORS, "queue"),
    Right.NOTICES_EDIT: Rule(OPERATORS, "notices"),
    Right.SERVER_SEE: Rule(OPERATORS, "server", writes=False),
    Right.TOKENS_EDIT: Rule(OPERATORS, "tokens"),
    Right.SERVER_AUDIT: Rule(OPERATORS, "audit", writes=False),
}

SCOPES = tuple(
    sorted(
        {f"{rule.scope}:{what}" for rule in RULES.values() for what in ("read", "write")[: 1 + rule.writes]}
    )
)

_PARTS: Mapping[Part, Role] = {"accounts": Role.ACCOUNTS, "lists": Role.LISTS, "read": Role.READER}


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands behind a request."""

    address: str
    operator: bool = False
    # The domains that this account administers; no parts: everything in them.
    domains: Mapping[str, frozenset[Part]] = field(default_factory=dict)
    scopes: frozenset[str] | None = None  # of the API token with which the request came
    above: frozenset[str] = frozenset()  # accounts of people with more rights
    peer: str = ""  # from where the request came, for the audit log

    def roles(self, domain: str = "", address: str = "") -> frozenset[Role]:
        """What this person is for a domain or an account."""
        roles = {Role.ANYBODY}
        domain = domain or address.rpartition("@")[2]
        if self.operator:
            roles.add(Role.OPERATOR)
        if (parts := self.domains.get(domain)) is not None:
            roles |= {_PARTS[part] for part in parts} or {Role.ADMINISTRATOR}
        if address and address == self.address:
            roles.add(Role.USER)
        return frozenset(roles)


def may(person: Person | None, right: Right, domain: str = "", address: str = "") -> bool:
    """Whether this person has the right: for an account (`address`), for a domain, or for the server."""
    if right is Right.PUBLIC:
        return True
    rule = RULES.get(right)
    if person is None or rule is None:
        return False
    if address and domain and address.rpartition("@")[2] != domain:
        return False
    if person.scopes is not None and not _in_scope(person.scopes, rule):
        return False
    if rule.writes and address in person.above:
        return False
    return not rule.roles.isdisjoint(person.roles(domain, address))


def allow(person: Person | None, right: Right, domain: str = "", address: str = "") -> None:
    """Go on only where this person has the right. Raises Forbidden."""
    if not may(person, right, domain, address):
        domain = domain or address.rpartition("@")[2]
        hidden = person is not None and not _inside(person, domain, address)
        raise Forbidden(right, hidden=hidden)


def administers(person: Person, domain: str) -> bool:
    """Whether there is anything in a domain for this person to do or see."""
    return person.operator or domain in person.domains


def _inside(person: Person, domain: str, address: str) -> bool:
    """Whether they know that there is such a thing: their own, or of a domain that they administer."""
    return not domain or administers(person, domain) or address == person.address


def _in_scope(scopes: frozenset[str], rule: Rule) -> bool:
    return f"{rule.scope}:write" in scopes or (not rule.writes and f"{rule.scope}:read" in scopes)

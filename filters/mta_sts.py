"""The MTA-STS policy of our own domains (RFC 8461): what the web process serves at
https://mta-sts.<domain>/.well-known/mta-sts.txt, and the record in DNS that says that there is one. Pure.

The record's id is made of the policy, so it changes with it and with nothing else (§3.1).
"""

import hashlib

from config.domain import DomainFile
from config.settings import Settings

PREFIX = "mta-sts."
PATH = "/.well-known/mta-sts.txt"


def policy(settings: Settings, contract: DomainFile) -> str:
    """The text of a domain's policy (§3.2); empty where the domain has none."""
    rules = settings.mta_sts
    mode = contract.mta_sts or rules.mode
    if mode == "off":
        return ""
    hosts = rules.mx or (settings.hostname,)
    return _lines(
        "version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {rules.max_age}"
    )


def record(policy: str) -> str:
    """What stands at _mta-sts.<domain> (§3.1)."""
    return f"v=STSv1; id={hashlib.sha256(policy.encode()).hexdigest()[:20]};"


def domain_of(host: str) -> str | None:
    """The domain whose policy is asked for, by the name of the web server that is asked."""
    host = host.lower().rstrip(".")
    return host.removeprefix(PREFIX) if host.startswith(PREFIX) else None


def _lines(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)

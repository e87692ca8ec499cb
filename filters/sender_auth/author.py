"""The author of a message: the domains in its From: (RFC 5322 §3.6.2)."""

from storage.addresses import addresses
from storage.header import fields, unfold


def author_domains(head: bytes) -> list[str]:
    """Each domain once, in lower case; A-labels for U-labels. Several From fields count together."""
    found: list[str] = []
    for each in fields(head):
        if each.name != b"from":
            continue
        for address in addresses(unfold(head[each.value_start : each.end])):
            if address.mailbox is not None and address.host is not None:
                domain = _ascii(address.host.decode("utf-8", "replace").strip().rstrip(".").lower())
                if domain and domain not in found:
                    found.append(domain)
    return found


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain

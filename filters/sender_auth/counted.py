"""What the aggregate reports of DMARC say of one message. Pure.

Only what a domain has asked to hear of is counted, and what it may hear: nothing of who the recipients were. Names
that the sender has chosen are cut to the length of a domain name.
"""

from collections.abc import Sequence

from config.filters import SenderAuth as Rules
from filters.mail import Mail
from filters.sender_auth.dmarc import DmarcResult
from filters.sender_auth.signatures import Chain, Checked
from filters.sender_auth.spf import SpfResult
from filters.verdict import Action, Verdict
from storage.state.dmarc_results import LONGEST, Evaluated, Published

MOST_SIGNATURES = 10  # of one message; what is aligned comes first (RFC 9990 §3.1.1.12)

_DONE = {Action.QUARANTINE: "quarantine", Action.REJECT: "reject"}


def evaluated(
    mail: Mail,
    sender: SpfResult,
    checked: Sequence[Checked],
    chain: Chain,
    result: DmarcResult,
    verdict: Verdict,
    rules: Rules,
) -> Evaluated | None:
    """None where the domain wants no reports, or there is no policy."""
    record = result.record
    if record is None or not record.rua or result.result not in ("pass", "fail", "temperror"):
        return None
    published = Published(
        record.domain,
        record.policy,
        record.subdomain_policy,
        record.missing_policy,
        record.strict_dkim,
        record.strict_spf,
        record.testing,
        rules.organization == "tree_walk",
    )
    disposition = "pass" if result.result == "pass" else _DONE.get(verdict.action, "none")
    envelope_from = mail.reverse_path.rpartition("@")[2]
    return Evaluated(
        published,
        mail.peer,
        disposition,
        result.dkim_aligned,
        result.spf_aligned,
        _override(result, disposition, chain, rules),
        _cut(result.domain),
        _cut(envelope_from.lower()),
        tuple(_signatures(checked, result.domain)),
        (_cut(sender.domain.lower()), sender.result),
    )


def _override(result: DmarcResult, disposition: str, chain: Chain, rules: Rules) -> str:
    """Why what was done is not what the domain asks for (RFC 9990 §3.1.1.9)."""
    if result.result != "fail":
        return ""
    if disposition != result.policy:
        trusted = chain.result == "pass" and chain.sealer in rules.trusted_sealers
        return "trusted_forwarder" if trusted else "local_policy"
    record = result.record
    return "policy_test_mode" if record is not None and record.testing else ""


def _signatures(checked: Sequence[Checked], author: str) -> list[tuple[str, str, str]]:
    ordered = sorted(checked, key=lambda each: (each.signature.domain != author, each.result != "pass"))
    return [
        (
            _cut(each.signature.domain),
            _cut(each.signature.tags.get(b"s", b"").decode("utf-8", "replace")),
            each.result,
        )
        for each in ordered[:MOST_SIGNATURES]
    ]


def _cut(name: str) -> str:
    return name[:LONGEST]

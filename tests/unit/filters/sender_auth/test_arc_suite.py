"""ARC against the suite that implementations of RFC 8617 are held against: ValiMail's arc_test_suite, out of the
source package of Debian's libmail-dkim-perl. The validation of chains, and the sealing.

What is done otherwise on purpose stands in `OTHERWISE` by the suite's names, each with its reason; a case that is
listed and passes is a fault of the list.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from config.domain import DomainFile
from filters.sender_auth.signing import Signing
from filters.verdict import AuthResult
from storage.message import Message
from storage.mime.header import end_of_header
from tests.suites import member
from tests.unit.filters.sender_auth.test_signatures import looked_at

SUITE = "t/arc_test_suite"
OTHERWISE: Mapping[str, str] = {
    "ams_fields_a_sha1": "SHA-1 proves nothing any more (RFC 8301 §3.1)",
    "as_fields_a_sha1": "the same",
    "ams_fields_c_na": "dkimpy reads a signature without c= as relaxed; it proves as much",
}


def octets(text: str | None) -> bytes:
    return (text or "").encode().replace(b"\n", b"\r\n")


def found(message: bytes, records: dict[str, bytes]) -> str:
    end = end_of_header(message)
    head, body = (message, b"") if end < 0 else (message[:end], message[end:])
    return looked_at(head, body, records)[1].result


def test_every_chain_of_the_suite() -> None:
    failed, cases = [], 0
    for scenario in yaml.safe_load_all(
        member("libmail-dkim-perl", f"{SUITE}/arc-draft-validation-tests.yml")
    ):
        records = {name: octets(text) for name, text in scenario["txt-records"].items()}
        for name, case in scenario["tests"].items():
            cases += 1
            # where the suite leaves it open: a chain that says so itself has failed (RFC 8617 §5.2)
            expected = (case["cv"] or "fail").lower() if case["cv"] is not None else "none"
            got = found(octets(case["message"]), records)
            if (got == expected) == (name in OTHERWISE):
                failed.append(f"{name} ({case['description']}): {got} and not {expected}")
    assert not failed, "\n".join(failed)
    assert cases == 170


def test_every_seal_of_the_suite(tmp_path: Path) -> None:
    """The suite's octets hold for its choice of fields, and ours is another. So: the same place in the chain, the
    same word about what is below, nothing above a chain that has ended, and a first set that verifies."""
    cases = 0
    for scenario in yaml.safe_load_all(member("libmail-dkim-perl", f"{SUITE}/arc-draft-sign-tests.yml")):
        records = {name: octets(text) for name, text in scenario["txt-records"].items()}
        domain, selector = scenario["domain"], scenario["sel"]
        keys = tmp_path / domain / "dkim"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / f"{selector}.pem").write_text(scenario["privatekey"])
        contract = DomainFile.model_validate({"dkim_selectors": [selector]})
        for name, case in scenario["tests"].items():
            cases += 1
            message = octets(case["message"])
            said = re.search(r"arc=(\w+)", case["message"])  # what was found, by the suite's own word
            assert said is not None
            signing = Signing(tmp_path, {domain: contract}.get, lambda at=float(case["t"]): at)
            sealed = signing.seal(Message.of(message), domain, case["srv-id"], [AuthResult("arc", said[1])])
            if not case["AS"]:
                assert sealed == Message.of(message), name
                continue
            expected = _tags(case["AS"])
            assert _tags(sealed.prefix.partition(b"ARC-Message-Signature")[0].decode()) == expected, name
            assert expected["cv"] != "none" or found(sealed.read(), records) == "pass", name
    assert cases == 17


def _tags(seal: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|[;:\s])(i|cv|d|s|t)=([^;\s]+)", seal))

"""DKIM signatures and ARC sets of a message: found, bounded, and verified (RFC 6376 §6, RFC 8617 §5.2).

Three steps, so that nothing blocks: `find` reads the header block and says which keys are needed; the caller
has them looked up; `verify` hashes and checks in a thread. dkimpy parses the tags, selects and canonicalises the
header fields and knows the rules of ARC's chain; bodies are hashed by `body`, keys are used by `keys`.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dkim
from dkim.canonicalization import CanonicalizationPolicy, InvalidCanonicalizationPolicyError
from dkim.util import InvalidTagValueList, parse_tag_value

from filters.sender_auth.body import Wanted, hashes
from filters.sender_auth.keys import Key, KeyRefused
from filters.sender_auth.sign import instance_of
from storage.mime.header import values

MOST_SIGNATURES = 10  # looked at, from the top; each costs a look-up and a hash
MOST_SETS = 50  # RFC 8617 §4.2.1
SIGNATURE_MOST = 16 * 1024  # octets of one signature's field
FIELDS_MOST = 500  # names in h=
TAGS = (b"v", b"a", b"b", b"bh", b"d", b"h", b"s")  # RFC 6376 §3.5: those that must be there

_ARC = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")
_INSTANCE = re.compile(rb"(?:^|;)\s*i\s*=\s*(\d{1,3})\s*(?:;|$)")

KeyName = str  # `selector._domainkey.domain`
Keys = Mapping[KeyName, Key | KeyRefused | None]  # None: DNS did not answer


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field: its tags, or why it is no signature."""

    index: int  # its place among the DKIM-Signature fields, from the top
    tags: Mapping[bytes, bytes]
    fault: str = ""

    @property
    def domain(self) -> str:
        return _text(self.tags.get(b"d", b"")).lower().rstrip(".")

    @property
    def key_name(self) -> KeyName:
        return f"{_text(self.tags.get(b's', b''))}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Seal:
    """One ARC set's seal and signature, as far as keys need it."""

    instance: int
    domain: str
    key_name: KeyName


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message carries."""

    signatures: tuple[Signature, ...]
    seals: tuple[Seal, ...]  # of every set, newest first: ARC-Seal and ARC-Message-Signature
    wanted: frozenset[Wanted]

    @property
    def key_names(self) -> set[KeyName]:
        own = {each.key_name for each in self.signatures if not each.fault}
        return own | {each.key_name for each in self.seals}


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one DKIM signature (RFC 8601 §2.7.1)."""

    signature: Signature
    result: str  # pass, fail, neutral, policy, permerror, temperror
    comment: str = ""
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """The result of the ARC chain (RFC 8617 §5.2). `results` is the newest set's ARC-Authentication-Results."""

    result: str  # none, pass, fail, temperror
    sealer: str = ""  # d= of the newest seal
    results: bytes = b""
    comment: str = ""


def find(head: bytes) -> Signed:
    """What the header block carries. Bounded in number and size, never raises."""
    signatures: list[Signature] = []
    seals: list[Seal] = []
    wanted: set[Wanted] = set()
    fields = values(head)
    for name, value in fields:
        lower = name.lower()
        if lower == b"dkim-signature" and len(signatures) < MOST_SIGNATURES:
            signature = _signature(len(signatures), value)
            signatures.append(signature)
            if not signature.fault:
                wanted.add(_wanted(signature.tags, b"simple/simple"))
        elif lower in (b"arc-seal", b"arc-message-signature") and len(seals) <= 2 * MOST_SETS:
            tags = _tags(value)
            if tags is not None and b"d" in tags and b"s" in tags:
                number = tags.get(b"i", b"0")
                domain = _text(tags[b"d"]).lower().rstrip(".")
                instance = int(number) if number.isdigit() and len(number) < 4 else 0
                seals.append(Seal(instance, domain, f"{_text(tags[b's'])}._domainkey.{domain}"))
                if lower == b"arc-message-signature":
                    wanted.add(_wanted(tags, b"relaxed/relaxed"))
    seals.sort(key=lambda seal: -seal.instance)
    return Signed(tuple(signatures), tuple(seals), frozenset(wanted))


def verify(
    head: bytes, body: Callable[[], Iterable[bytes]], signed: Signed, keys: Keys
) -> tuple[list[Checked], Chain]:
    """Every signature's result, and the chain's. Blocks on the disk and computes: for threads."""
    bodies = hashes(body(), signed.wanted) if signed.wanted else {}
    checked = [_check(head, signature, bodies, keys) for signature in signed.signatures]
    return checked, _chain(head, signed, bodies, keys)


class _Unanswered(dkim.DKIMException):  # type: ignore[misc]
    """DNS did not give a key that is needed."""


class _Policy(dkim.DKIMException):  # type: ignore[misc]
    """The signature may be right, and is not taken (RFC 8601 §2.4)."""


class _Verifier:
    """What DKIM and ARC of dkimpy do differently here: the body's hash and the key are there already."""

    headers: Any
    bodies: Mapping[Wanted, tuple[bytes, int]]
    keys: Keys
    testing = False

    def verify_sig(self, sig: Any, include_headers: Any, sig_header: Any, dnsfunc: Any) -> bool:
        key = self.keys.get(f"{_text(sig[b's'])}._domainkey.{_text(sig[b'd']).lower().rstrip('.')}")
        if key is None:
            raise _Unanswered("no answer about the key")
        if isinstance(key, KeyRefused):
            raise dkim.KeyFormatError(str(key))
        self.testing = key.testing
        if key.exact and b"i" in sig and sig[b"i"].rpartition(b"@")[2].lower() != sig[b"d"].lower():
            raise dkim.ValidationError("the key is not for names below the domain")
        try:
            policy = CanonicalizationPolicy.from_c_value(sig.get(b"c", b"simple/simple"))
        except InvalidCanonicalizationPolicyError:
            raise dkim.MessageFormatError("unknown canonicalization") from None
        if b"bh" in sig:
            self._check_body(sig, b"relaxed/relaxed" if isinstance(self, dkim.ARC) else b"simple/simple")
        if b"from" in include_headers:
            include_headers.append(b"from")  # a second From must not have been added
        hasher = dkim.HASH_ALGORITHMS[b"rsa-sha256"]()
        dkim.hash_headers(
            hasher, policy, policy.canonicalize_headers(self.headers), include_headers, sig_header, sig
        )
        signature = base64.b64decode(b"".join(sig[b"b"].split()))
        return key.verifies(sig[b"a"], hasher.digest(), signature)

    def _check_body(self, sig: Mapping[bytes, bytes], default: bytes) -> None:
        digest, octets = self.bodies[_wanted(sig, default)]
        if base64.b64decode(b"".join(sig[b"bh"].split())) != digest:
            raise dkim.ValidationError("body hash did not verify")
        if b"l" in sig and int(sig[b"l"]) != octets:
            # RFC 6376 §8.2: whatever stands behind the signed part could have been put there by anybody
            raise _Policy("only a part of the body is signed")


class _Dkim(_Verifier, dkim.DKIM):  # type: ignore[misc]
    pass


class _Arc(_Verifier, dkim.ARC):  # type: ignore[misc]
    pass


def _check(
    head: bytes, signature: Signature, bodies: Mapping[Wanted, tuple[bytes, int]], keys: Keys
) -> Checked:
    if signature.fault:
        return Checked(signature, "permerror", signature.fault)
    verifier = _Dkim()
    verifier.bodies, verifier.keys = bodies, keys
    verifier.headers = _fields(head)
    try:
        good = verifier.verify(signature.index)
    except _Unanswered as error:
        return Checked(signature, "temperror", str(error))
    except _Policy as error:
        return Checked(signature, "policy", str(error), verifier.testing)
    except dkim.KeyFormatError as error:
        return Checked(signature, "permerror", str(error))
    except dkim.ValidationError as error:
        result = "fail" if str(error).startswith("body hash") else "permerror"
        return Checked(signature, result, _plain(error), verifier.testing)
    except (dkim.DKIMException, ValueError) as error:
        return Checked(signature, "permerror", _plain(error))
    if good:
        return Checked(signature, "pass", "", verifier.testing)
    return Checked(signature, "fail", "signature did not verify", verifier.testing)


def _chain(head: bytes, signed: Signed, bodies: Mapping[Wanted, tuple[bytes, int]], keys: Keys) -> Chain:
    fields = _fields(head)
    if not any(name.lower() in _ARC for name, _ in fields):
        return Chain("none")
    sealer = signed.seals[0].domain if signed.seals else ""
    if not signed.seals or signed.seals[0].instance > MOST_SETS or len(signed.seals) > 2 * MOST_SETS:
        return Chain("fail", sealer, comment="no usable sets")
    if any(keys.get(seal.key_name) is None for seal in signed.seals):
        return Chain("temperror", sealer, comment="no answer about a key")
    verifier = _Arc()
    verifier.bodies, verifier.keys, verifier.headers = bodies, keys, _newest_first(fields)
    try:
        status, sets, reason = verifier.verify()
    except (dkim.DKIMException, InvalidTagValueList, ValueError, KeyError, IndexError) as error:
        return Chain("fail", sealer, comment=_plain(error))
    results = sets[0].get("aar-value", b"") if sets else b""
    if status == dkim.CV_Pass:
        return Chain("pass", sealer, results)
    return Chain("fail", sealer, results, _plain(reason))


def _newest_first(fields: Sequence[list[bytes]]) -> Sequence[list[bytes]]:
    """dkimpy takes the sets in the order in which they stand; their numbers are what counts (RFC 8617 §5.1.1)."""
    sets = [each for each in fields if each[0].lower() in _ARC]
    ordered = sorted(sets, key=lambda each: -instance_of(each[1]))
    return fields if ordered == sets else ordered + [each for each in fields if each[0].lower() not in _ARC]


def _signature(index: int, value: bytes) -> Signature:
    tags = _tags(value)
    if tags is None:
        return Signature(index, {}, "not a list of tags")
    missing = [tag.decode() for tag in TAGS if not tags.get(tag)]
    if missing:
        return Signature(index, tags, f"no {missing[0]}=")
    if tags[b"a"] not in (b"rsa-sha256", b"ed25519-sha256"):  # RFC 8301 §3.1: SHA-1 proves nothing
        return Signature(index, tags, "algorithm not taken")
    names = [name.strip().lower() for name in tags[b"h"].split(b":")]
    if b"from" not in names:
        return Signature(index, tags, "From is not signed")
    if len(names) > FIELDS_MOST:
        return Signature(index, tags, "too many names in h=")
    return Signature(index, tags)


def _tags(value: bytes) -> dict[bytes, bytes] | None:
    if len(value) > SIGNATURE_MOST:
        return None
    try:
        tags: dict[bytes, bytes] = parse_tag_value(value.replace(b"\r", b"").replace(b"\n", b""))
    except InvalidTagValueList:
        return None
    return tags


def _wanted(tags: Mapping[bytes, bytes], default: bytes) -> Wanted:
    relaxed = tags.get(b"c", default).partition(b"/")[2] == b"relaxed"
    length = tags.get(b"l", b"")
    return Wanted(relaxed, int(length) if length.isdigit() and len(length) <= 18 else None)


def _fields(head: bytes) -> Sequence[list[bytes]]:
    """The header fields as dkimpy has them: lists of a name and a raw value with its line end."""
    return [[name, value if value.endswith(b"\n") else value + b"\n"] for name, value in values(head)]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _plain(error: object) -> str:
    """A reason for a comment: of ours, or dkimpy's without the octets that it quotes."""
    return re.sub(r"\s*\(.*", "", str(error), flags=re.DOTALL)[:100]

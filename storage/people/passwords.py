"""Passwords: how they are kept, and how one is tried.

- The account's password is kept as argon2id with 19 MiB, t=2, p=1 (OWASP's minimum; the library's defaults
  cost 150 ms of CPU and 64 MB a check) and, beside it, as the SCRAM-SHA-256 keys of RFC 5803.
- App passwords have 128 random bits, so a plain SHA-256 of one cannot be searched.
- The password is brought into one form (the mapping and normalisation of SASLprep, RFC 4013 §2.1 and §2.2)
  before anything is done with it, so that one typed on a Mac (decomposed) and on Windows (composed) are the
  same.

`verify` costs the same for every account that has a password; `verify_nothing` costs that for those without.
A hash that some other program wrote is taken as it is, but not if trying it would cost more than this house
is willing to pay for a stranger's guess.
"""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import argon2

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
MOST_MEMORY_KIB = 256 * 1024  # of a hash found in a file
MOST_PASSES = 16
MOST_OCTETS = 1024  # of a password
SCRAM_ITERATIONS = 50_000  # RFC 7677 §4: at least 4096; Cyrus SASL's clients take 65,536 at most
APP_PASSWORD_BITS = 128
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another: passwords get typed into phones

_hasher = argon2.PasswordHasher(
    time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=32, salt_len=16
)
# The hash of a random password that nobody knows, with the parameters of every other.
_NOBODY = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
    "QmFzaXNmdWVyTmllbWFuZA$3lmMHDQRTYCg3yZVtdDEFrCKyrhSQ0hHbHYUS5rUzOk"
)


class PasswordError(ValueError):
    """The text cannot be a password; the message says why, for people."""


def hash_password(password: str) -> str:
    """The argon2id hash in PHC form. Takes about 20 ms of CPU: for a thread. Raises PasswordError."""
    refuse(password)
    return _hasher.hash(prepare(password))


def verify(stored: str, password: str) -> bool:
    """Is it the password of this hash? Takes about 20 ms of CPU: for a thread. Never raises."""
    try:
        parameters = argon2.extract_parameters(stored)
        if parameters.memory_cost > MOST_MEMORY_KIB or parameters.time_cost > MOST_PASSES:
            return False
        return _hasher.verify(stored, _bounded(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def verify_nothing(password: str) -> bool:
    """What `verify` costs, for accounts that do not exist: always False."""
    verify(_NOBODY, password)
    return False


def same_plain(stored: str, password: str) -> bool:
    """Is it a password that still stands in plain in its file? Also costs what `verify` costs."""
    verify(_NOBODY, password)
    return hmac.compare_digest(prepare(stored), _bounded(password))


def refuse(password: str) -> None:
    """Raise PasswordError for a password that could never be typed in or would not be taken."""
    if not password:
        raise PasswordError("the password is empty")
    if len(prepare(password)) > MOST_OCTETS:
        raise PasswordError(f"the password is longer than {MOST_OCTETS} octets")
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise PasswordError("the password has a control character (a tab or a line end) in it")


def scram_sha_256_key(password: str, *, salt: bytes | None = None, iterations: int = SCRAM_ITERATIONS) -> str:
    """`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803 §3, with the hash of RFC 7677)."""
    refuse(password)
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")  # RFC 5802 §3
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


class ScramKey(NamedTuple):
    """What a server needs of a password to check a proof of it (RFC 5803 §2)."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes


def parse_scram_key(text: str) -> ScramKey:
    """The key in an account's file. Raises ValueError."""
    _, parameters, keys = text.split("$")
    iterations, salt = parameters.split(":")
    stored, server = keys.split(":")
    return ScramKey(
        int(iterations), *(base64.b64decode(part, validate=True) for part in (salt, stored, server))
    )


def no_scram_key(salt: bytes) -> ScramKey:
    """The key of an account that has none, or does not exist: no proof fits it."""
    return ScramKey(SCRAM_ITERATIONS, salt[:16], secrets.token_bytes(32), secrets.token_bytes(32))


def new_password() -> str:
    """79 random bits that a person can read out and type: `abcd-efgh-jkmn-pqrs`."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def new_app_password() -> tuple[str, str]:
    """A new app password as its owner sees it, once, in groups of four, and as it is kept."""
    text = base64.b32encode(secrets.token_bytes(APP_PASSWORD_BITS // 8)).decode().rstrip("=").lower()
    shown = "-".join(text[start : start + 4] for start in range(0, len(text), 4))
    return shown, app_password_hash(shown)


def app_password_hash(password: str) -> str:
    """An app password as it is kept: SHA-256 in hex, of the letters and digits alone."""
    bare = "".join(character for character in password.lower() if character not in "- ")
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()


def verify_app_password(kept: Sequence[str], password: str) -> bool:
    """Is it one of the app passwords kept (hashes)? Takes the same time wherever the match lies."""
    given = app_password_hash(password).encode()
    matches = [hmac.compare_digest(given, one.lower().encode()) for one in kept]
    return any(matches)


def prepare(password: str) -> bytes:
    """The octets of a password. What SASLprep would prohibit (§2.3) is let through: a check gains nothing by it."""
    if password.isascii():
        return password.encode()
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    return (normal or password).encode("utf-8", "surrogatepass")


def _bounded(password: str) -> bytes:
    """The octets to try: nothing that `refuse` would have refused can match, and none costs more."""
    octets = prepare(password)
    return octets if len(octets) <= MOST_OCTETS else b""


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()

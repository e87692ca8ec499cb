"""One-time passwords of a telephone: TOTP (RFC 6238) over HOTP (RFC 4226), with SHA-1, 30 s and six digits,
which is what every authenticator app takes without being told. And the codes for who has lost the telephone.

Pure: the time is handed in. That a code is used once only is kept by `storage.state.panel` (`use_step`).
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

STEP = 30  # seconds (RFC 6238 §4.1)
DIGITS = 6
SECRET_OCTETS = 20  # RFC 4226 §4, R6: 160 bits
AROUND = 1  # steps before and after that are taken: clocks differ, and people type slowly (RFC 6238 §5.2)
RECOVERY_CODES = 10


def new_secret() -> str:
    """In Base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_OCTETS)).decode()


def code(secret: str, step: int) -> str:
    """The code of a step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: str, typed: str, now: float) -> int | None:
    """The step whose code was typed, if it is one around now."""
    given = "".join(typed.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    current = int(now) // STEP
    matches = [
        step
        for step in range(current - AROUND, current + AROUND + 1)
        if hmac.compare_digest(code(secret, step), given)
    ]
    return matches[-1] if matches else None


def uri(secret: str, address: str, issuer: str) -> str:
    """What the QR code says (the Key URI format of Google Authenticator, which all read)."""
    return f"otpauth://totp/{quote(issuer)}:{quote(address)}?secret={secret}&issuer={quote(issuer)}"


def new_recovery_codes() -> list[str]:
    """Codes of 50 bits, to be printed: `abcde-fghij`."""
    made = [base64.b32encode(secrets.token_bytes(7)).decode()[:10].lower() for _ in range(RECOVERY_CODES)]
    return [f"{each[:5]}-{each[5:]}" for each in made]


def recovery_digest(typed: str) -> str:
    """A recovery code as it is kept; blanks, hyphens and capitals do not matter."""
    bare = "".join(character for character in typed.lower() if character.isalnum())
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()

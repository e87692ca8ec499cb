"""Hashes that other mail servers made: who moves here brings the passwords along, without knowing them.

They are taken in Dovecot's writing, `{SCHEME}hash`, and as /etc/shadow has them. The system's libcrypt tries them,
so what it costs is what the other server's operator chose, and a login costs the usual argon2id besides: it can be
told by time that such an account exists. The first right password ends that: `Logins` writes argon2id and the keys
of SCRAM in its place.

`config.account` says which forms there are; what is not one of them never comes here.
"""

import base64
import binascii
import ctypes
import functools
import hashlib
import hmac
import re
from collections.abc import Callable

from storage.people import passwords

_SCHEME = re.compile(r"\{([A-Z0-9-]+)\}(.*)", re.DOTALL)
_SALTED = {"SSHA": hashlib.sha1, "SSHA256": hashlib.sha256, "SSHA512": hashlib.sha512}
_WORK_AREA = 32_768  # sizeof(struct crypt_data), crypt(3)


def is_brought(stored: str) -> bool:
    """Was it made by another server?"""
    return not stored.startswith("$argon2id$")


def verify(stored: str, password: str) -> bool:
    """Is it the password of this hash? For a thread: may take long, as its maker wished. Never raises."""
    found = _SCHEME.fullmatch(stored)
    scheme, text = (found[1], found[2]) if found else ("CRYPT", stored)
    octets = password.encode("utf-8", "surrogatepass")
    if b"\0" in octets or len(octets) > passwords.MOST_OCTETS:  # crypt(3) would read up to the NUL alone
        return False
    if text.startswith("$argon2id$"):
        return passwords.verify(text, password)
    if scheme in _SALTED:
        return _salted(scheme, text, octets)
    setting = text.encode()
    made = _crypt()(octets, setting)
    return made is not None and hmac.compare_digest(made, setting)


def _salted(scheme: str, text: str, octets: bytes) -> bool:
    """SHA over password and salt, then the salt (as LDAP servers keep them)."""
    digest = _SALTED[scheme]
    size = digest().digest_size
    try:
        kept = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(digest(octets + kept[size:]).digest(), kept[:size])


@functools.cache
def _crypt() -> Callable[[bytes, bytes], bytes | None]:
    """crypt_rn(3) of libcrypt: safe in threads, and the interpreter goes on meanwhile."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        call = library.crypt_rn
    except (OSError, AttributeError):
        return lambda _phrase, _setting: None
    call.restype = ctypes.c_char_p
    call.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)

    def crypt(phrase: bytes, setting: bytes) -> bytes | None:
        area = ctypes.create_string_buffer(_WORK_AREA)
        made: bytes | None = call(phrase, setting, area, _WORK_AREA)
        return made

    return crypt

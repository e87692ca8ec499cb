"""How passwords are kept and tried."""

import base64
import hashlib
import hmac

import argon2
import pytest

from storage.people import passwords


def test_the_hash_has_the_parameters_that_were_decided() -> None:
    stored = passwords.hash_password("correct horse")
    found = argon2.extract_parameters(stored)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (found.salt_len, found.hash_len) == (16, 32)
    assert passwords.verify(stored, "correct horse")
    assert not passwords.verify(stored, "correct horsf")
    assert not passwords.verify(stored, "")


def test_who_does_not_exist_costs_what_others_cost() -> None:
    nobody = argon2.extract_parameters(passwords._NOBODY)
    assert nobody == argon2.extract_parameters(passwords.hash_password("x"))
    assert passwords.verify_nothing("x") is False


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain",
        "$argon2id$",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
        "$6$salt$hash",
        "$argon2id$v=19$m=4194304,t=2,p=1$QmFzaXNmdWVyTmllbWFuZA$3lmMHDQRTYCg3yZVtdDEFrCKyrhSQ0hHbHYUS5rUzOk",
        "$argon2id$v=19$m=64,t=4000000,p=1$QmFzaXNmdWVyTmllbWFuZA$3lmMHDQRTYCg3yZVtdDEFrCKyrhSQ0hHbHYUS5rUzOk",
    ],
)
def test_a_hash_that_is_none_or_costs_too_much_matches_nothing(stored: str) -> None:
    assert passwords.verify(stored, "x") is False


@pytest.mark.parametrize(
    ("set_as", "typed_as"),
    [
        ("パスワード", "ハ\u309aスワート\u3099"),  # decomposed by a Mac
        ("パスワード", "ﾊﾟｽﾜｰﾄﾞ"),  # half-width katakana
        ("abc", "ａｂｃ"),  # full width
        ("naïve", "nai\u0308ve"),
        ("a b", "a\u3000b"),
    ],
)
def test_one_password_typed_on_two_machines(set_as: str, typed_as: str) -> None:
    assert passwords.prepare(set_as) == passwords.prepare(typed_as)
    assert passwords.verify(passwords.hash_password(set_as), typed_as)


@pytest.mark.parametrize(
    ("password", "why"),
    [("", "empty"), ("a\nb", "control"), ("a\x00", "control"), ("x" * 1025, "longer than 1024")],
)
def test_what_cannot_be_a_password(password: str, why: str) -> None:
    with pytest.raises(passwords.PasswordError, match=why):
        passwords.hash_password(password)


def test_octets_that_are_not_utf8_are_only_wrong() -> None:
    assert passwords.verify(passwords.hash_password("x"), "\udcff") is False


def test_scram_keys_are_those_of_the_rfc() -> None:
    # RFC 7677 §3: user "user", password "pencil"
    key = passwords.scram_sha_256_key(
        "pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), iterations=4096
    )
    scheme, parameters, keys = key.split("$")
    stored_key, server_key = (base64.b64decode(part) for part in keys.split(":"))
    assert (scheme, parameters) == ("SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ==")
    without_proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        + without_proof
    ).encode()
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored_key, message, "sha256"), strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key
    signature = base64.b64encode(hmac.digest(server_key, message, "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_app_passwords_have_128_bits_and_are_typed_with_or_without_hyphens() -> None:
    shown, kept = passwords.new_app_password()
    bare = shown.replace("-", "")
    assert len(base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))) == 16
    assert len(kept) == 64
    for typed in (shown, bare, bare.upper(), shown.replace("-", " ")):
        assert passwords.verify_app_password([passwords.app_password_hash("other"), kept], typed)
    assert not passwords.verify_app_password([kept], shown[:-1])
    assert not passwords.verify_app_password([], shown)
    assert passwords.new_app_password()[0] != shown

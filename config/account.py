"""One mail account: `domains/<domain>/accounts/<local>.yaml`, written by people and by programs.

What changes by itself (failed logins, counters, whom the automatic reply has answered) is not kept here.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from config.imap import AccountImap, Rights, Shared, Who
from config.pop_fetch import PopFetch
from config.sending import AccountSendLimit
from config.units import GIB
from config.values import MailAddress, OwnLocalPart, Section, Size, section

# Hashes that another server made, in Dovecot's writing or that of /etc/shadow; what is named here costs at most
# about a second to try. A bare one has to be strong: `{SSHA}` only with its name.
_CRYPT = (
    r"\$5\$(rounds=[0-9]{4,6}\$)?[^$:\s]{0,16}\$[./0-9A-Za-z]{43}"  # SHA-256
    r"|\$6\$(rounds=[0-9]{4,6}\$)?[^$:\s]{0,16}\$[./0-9A-Za-z]{86}"  # SHA-512
    r"|\$2[aby]\$(0[4-9]|1[0-4])\$[./0-9A-Za-z]{53}"  # bcrypt
    r"|\$y\$j[79ABCD]T\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}"  # yescrypt, Debian's own
)
_BROUGHT = re.compile(
    rf"(\{{(CRYPT|SHA256-CRYPT|SHA512-CRYPT|BLF-CRYPT)\}})?({_CRYPT})"
    r"|\{ARGON2ID\}\$argon2id\$.+"
    r"|\{SSHA(256|512)?\}[A-Za-z0-9+/]{28,160}={0,2}"
)
_BASE32 = re.compile(r"[A-Z2-7]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCRAM = re.compile(r"SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def _hash(value: str) -> str:
    # The value is not repeated: whoever wrote a password here without `plain` finds it in no log.
    if not value.startswith("$argon2id$") and not _BROUGHT.fullmatch(value):
        raise ValueError(
            "is no argon2id hash, nor one that can be brought along ({SHA512-CRYPT}, {BLF-CRYPT} and others: "
            "docs/operating.md); a password to be hashed is written as {plain: …}"
        )
    return value


def _scram(value: str) -> str:
    if not _SCRAM.fullmatch(value):
        raise ValueError(
            "is not a key SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key> (RFC 5803)"
        )
    return value


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(value.lower()):
        raise ValueError("is not a SHA-256 in 64 hexadecimal digits")
    return value.lower()


def _base32(value: str) -> str:
    if not _BASE32.fullmatch(value):
        raise ValueError("is not 160 bits in Base32 (RFC 4648 §6)")
    return value


def _password_kind(value: Any) -> str:
    return "<plain>" if isinstance(value, dict | PlainPassword) else "<hash>"


class PlainPassword(Section):
    """A password not hashed yet; the first process to read it writes the hash in its place."""

    plain: str = Field(min_length=1, repr=False, description="The password itself.")


class AppPassword(Section):
    """A random password for one program, which can be taken back alone."""

    name: str = Field(min_length=1, max_length=100, description="What it is for, such as a phone's name.")
    sha256: Annotated[str, AfterValidator(_sha256)] = Field(
        repr=False, description="SHA-256 of the password, hexadecimal."
    )
    created: date | None = Field(default=None, description="The day on which it was made.")


class TwoFactor(Section):
    """The second factor for the panel: one-time passwords of a telephone (RFC 6238)."""

    secret: Annotated[str, AfterValidator(_base32)] = Field(
        repr=False, description="What the telephone and the server know, in Base32."
    )
    recovery_codes: tuple[Annotated[str, AfterValidator(_sha256)], ...] = Field(
        default=(),
        repr=False,
        description="SHA-256 of the codes that work once each, for who has lost the telephone.",
    )


class Forward(Section):
    """Forwarding of what the account receives."""

    to: tuple[MailAddress, ...] = Field(
        default=(), description="Addresses that get the mail; none: no forwarding."
    )
    keep_copy: bool = Field(default=True, description="Whether a copy stays in the mailbox.")


class Autoreply(Section):
    """A prepared text that is sent back to who writes; the message itself stays in the mailbox."""

    enabled: bool = Field(default=False, description="Whether replies are sent.")
    subject: str = Field(
        default="", max_length=500, description="Subject of the reply; empty: `Re:` and that of the message."
    )
    text: str = Field(default="", max_length=100_000, description="Text of the reply.")
    from_: date | None = Field(
        default=None, alias="from", description="The first day of replies; null: at once."
    )
    until: date | None = Field(default=None, description="The last day of replies; null: without an end.")

    @model_validator(mode="after")
    def _ordered(self) -> "Autoreply":
        if self.from_ and self.until and self.until < self.from_:
            raise ValueError(f"until ({self.until}) is before from ({self.from_})")
        return self


class AccountSpam(Section):
    """What is done with mail that was found to be spam, besides the header field."""

    tag_subject: bool = Field(default=False, description="Put `[SPAM]` before the subject.")
    to_junk: bool = Field(
        default=False,
        description="Sort it into the junk folder; good for IMAP and webmail, unseen by POP users.",
    )


class AccountFile(Section):
    """A mail account."""

    password: (
        Annotated[
            Annotated[Annotated[str, AfterValidator(_hash)], Tag("<hash>")]
            | Annotated[PlainPassword, Tag("<plain>")],
            Discriminator(_password_kind),
        ]
        | None
    ) = Field(
        default=None,
        repr=False,
        description="The argon2id hash, or `{plain: …}`, hashed in place when first read, or another server's hash "
        "(`{SHA512-CRYPT}…`), replaced at the first login; null: no login.",
    )
    scram_sha_256: Annotated[str, AfterValidator(_scram)] | None = Field(
        default=None, repr=False, description="The key for SCRAM-SHA-256, written together with the password."
    )
    app_passwords: tuple[AppPassword, ...] = Field(default=(), description="Passwords for single programs.")
    two_factor: TwoFactor | None = Field(
        default=None, description="The second factor for the panel; null: the password is enough."
    )
    quota: Size = Field(default=GIB, description="How much mail the account may hold.")
    quota_messages: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many messages the account may hold; null: any number."
    )
    comment: str = Field(
        default="", max_length=1000, description="For the administrators, such as a department."
    )
    aliases: tuple[OwnLocalPart, ...] = Field(
        default=(),
        description="Other names in the same domain, without the @ and the domain, under which it receives.",
    )
    send_as: tuple[MailAddress, ...] = Field(
        default=(), description="Addresses that it may send from, besides its own and its aliases."
    )
    forward: Forward = section(Forward)
    autoreply: Autoreply = section(Autoreply)
    spam: AccountSpam = section(AccountSpam)
    pop_fetch: Annotated[tuple[PopFetch, ...], Field(max_length=10)] = Field(
        default=(), description="Mailboxes on other servers whose mail is fetched into this account."
    )
    send_limit: AccountSendLimit = section(AccountSendLimit)
    imap: AccountImap = section(AccountImap)
    share: dict[Shared, dict[Who, Rights]] = Field(
        default={},
        description="Mailboxes that others of the domain may use, by name: for each the addresses, or `anyone`, and"
        " the letters of their rights (RFC 4314); `lrs` is reading. They see them under `Other Users/`.",
    )
    receive: bool = Field(
        default=True, description="Whether mail to it is accepted; logging in and sending stay possible."
    )
    suspended: bool = Field(
        default=False, description="Stop the account: no login, no mail in or out; what it holds stays."
    )

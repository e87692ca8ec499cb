"""What of IMAP an operator can switch off, for all or for one account, and which mailboxes an account shares.

A capability that is off is neither told nor answered. What is in a mailbox's own file (rights given by SETACL) is
not here: the two are united, and these cannot be taken away by a mail program.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

from config.values import MailAddress, OwnLocalPart, Section

# As CAPABILITY spells them; IMAP4rev1 itself stays.
SWITCHABLE = (
    "ACL", "APPENDLIMIT", "BINARY", "CATENATE", "CHILDREN", "COMPRESS=DEFLATE", "CONDSTORE", "CREATE-SPECIAL-USE",
    "ENABLE", "ESEARCH", "ESORT", "ID", "IDLE", "IMAP4rev2", "INPROGRESS", "LIST-EXTENDED", "LIST-METADATA",
    "LIST-MYRIGHTS", "LIST-STATUS", "LITERAL+", "LITERAL-", "METADATA", "MOVE", "MULTIAPPEND", "MULTISEARCH",
    "NAMESPACE", "NOTIFY", "OBJECTID", "PARTIAL", "PREVIEW", "QRESYNC", "QUOTA", "REPLACE", "SASL-IR", "SAVEDATE",
    "SEARCHRES", "SORT", "SORT=DISPLAY", "SPECIAL-USE", "STATUS=SIZE", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES",
    "UIDONLY", "UIDPLUS", "UNAUTHENTICATE", "UNSELECT", "UTF8=ACCEPT", "WITHIN", "XLIST",
)  # fmt: skip

_SPELLED = {name.upper(): name for name in SWITCHABLE}
RIGHTS = "lrswipkxtea"  # RFC 4314 §2.1
ANYONE = "anyone"  # RFC 4314 §1: every account of the domain
LONGEST_NAME = 1000  # characters of a mailbox's name


def _capability(value: object) -> object:
    if not isinstance(value, str) or value.upper() not in _SPELLED:
        raise ValueError(f"is not a capability that can be switched off; those are {', '.join(SWITCHABLE)}")
    return _SPELLED[value.upper()]


def _rights(value: str) -> str:
    wrong = set(value) - set(RIGHTS)
    if wrong or not value:
        raise ValueError(f'"{value}" holds no right, or others than {RIGHTS} (RFC 4314): lrs is reading')
    return "".join(letter for letter in RIGHTS if letter in value)


_LOCAL: TypeAdapter[str] = TypeAdapter(OwnLocalPart)
_ADDRESS: TypeAdapter[str] = TypeAdapter(MailAddress)


def _who(value: str) -> str:
    if "@" in value:
        return str(_ADDRESS.validate_python(value)).lower()
    return str(_LOCAL.validate_python(value))


Capability = Annotated[str, BeforeValidator(_capability)]
Rights = Annotated[str, AfterValidator(_rights)]
Who = Annotated[str, AfterValidator(_who)]
Shared = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class AccountImap(Section):
    """What is different for this account at the IMAP door."""

    disable: tuple[Capability, ...] = Field(
        default=(),
        description="Capabilities that this account is not offered, besides those of `imap.disable`.",
    )

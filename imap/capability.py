"""What this door can do, told in CAPABILITY (RFC 9051 §6.1.1). Only what is done is named here.

An operator can switch off what `config.imap` names, for all or for one account: then it is not told, commands that
need it are unknown (`Command.needs`), and what else belongs to it is refused (`imap.uses`). What rests on something
that is off is off too.
"""

from functools import lru_cache

# Told at all times.
_ALWAYS = (
    b"IMAP4rev1",  # RFC 3501
    b"IMAP4rev2",  # RFC 9051, once it is enabled
    b"LITERAL+",  # RFC 7888
    b"LITERAL-",  # RFC 7888 §5: where LITERAL+ is off
    b"SASL-IR",  # RFC 4959
    b"ID",  # RFC 2971
    b"ENABLE",  # RFC 5161
)

# Told after login, when the client chooses how to go on.
_INSIDE = (
    b"IDLE",  # RFC 2177
    b"NAMESPACE",  # RFC 2342
    b"ACL",  # RFC 4314
    b"RIGHTS=kxte",  # RFC 4314 §2.2
    b"UIDPLUS",  # RFC 4315
    b"MOVE",  # RFC 6851
    b"SPECIAL-USE",  # RFC 6154
    b"CREATE-SPECIAL-USE",  # RFC 6154 §3
    b"CHILDREN",  # RFC 3348
    b"LIST-EXTENDED",  # RFC 5258
    b"LIST-STATUS",  # RFC 5819
    b"STATUS=SIZE",  # RFC 8438
    b"UNSELECT",  # RFC 3691
    b"METADATA",  # RFC 5464
    b"LIST-METADATA",  # RFC 9590
    b"LIST-MYRIGHTS",  # RFC 8440
    b"UNAUTHENTICATE",  # RFC 8437
    b"COMPRESS=DEFLATE",  # RFC 4978
    b"NOTIFY",  # RFC 5465
    b"INPROGRESS",  # RFC 9585
    b"XLIST",  # Gmail's, before RFC 6154
    b"CONDSTORE",  # RFC 7162
    b"QRESYNC",  # RFC 7162 §3.2
    b"UIDONLY",  # RFC 9586
    b"UTF8=ACCEPT",  # RFC 9755
    b"ESEARCH",  # RFC 4731
    b"WITHIN",  # RFC 5032
    b"SEARCHRES",  # RFC 5182
    b"PARTIAL",  # RFC 9394
    b"SORT",  # RFC 5256
    b"SORT=DISPLAY",  # RFC 5957
    b"ESORT",  # RFC 5267 §3
    b"THREAD=ORDEREDSUBJECT",  # RFC 5256
    b"THREAD=REFERENCES",  # RFC 5256
    b"BINARY",  # RFC 3516
    b"PREVIEW",  # RFC 8970
    b"MULTISEARCH",  # RFC 7377
    b"MULTIAPPEND",  # RFC 3502
    b"CATENATE",  # RFC 4469
    b"REPLACE",  # RFC 8508
    b"OBJECTID",  # RFC 8474
    b"SAVEDATE",  # RFC 8514
    b"QUOTA",  # RFC 9208
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
)

# What cannot be without something else, and names that are parts of another.
_RESTS_ON = {
    b"IMAP4rev2": (
        b"ENABLE", b"NAMESPACE", b"UNSELECT", b"UIDPLUS", b"ESEARCH", b"SEARCHRES", b"IDLE", b"SASL-IR",
        b"LIST-EXTENDED", b"LIST-STATUS", b"MOVE", b"BINARY", b"SPECIAL-USE", b"STATUS=SIZE",
    ),  # RFC 9051 appendix E
    b"QRESYNC": (b"ENABLE", b"CONDSTORE"),
    b"UTF8=ACCEPT": (b"ENABLE",),
    b"UIDONLY": (b"ENABLE",),
    b"RIGHTS=kxte": (b"ACL",),
    b"LIST-MYRIGHTS": (b"ACL", b"LIST-EXTENDED"),
    b"LIST-METADATA": (b"METADATA", b"LIST-EXTENDED"),
    b"LIST-STATUS": (b"LIST-EXTENDED",),
    b"CREATE-SPECIAL-USE": (b"SPECIAL-USE",),
    b"QUOTA=RES-STORAGE": (b"QUOTA",),
    b"QUOTA=RES-MESSAGE": (b"QUOTA",),
    b"ESORT": (b"SORT",),
    b"SORT=DISPLAY": (b"SORT",),
    b"SEARCHRES": (b"ESEARCH",),
    b"PARTIAL": (b"ESEARCH",),
    b"MULTISEARCH": (b"ESEARCH",),
}  # fmt: skip

SMALL_LITERAL = (
    4096  # RFC 7888 §5: the largest that a client may send without waiting, where LITERAL- is told
)


@lru_cache(maxsize=1024)
def off(*lists: tuple[str, ...]) -> frozenset[bytes]:
    """What is off where these are: they, and what rests on them."""
    found = {name.encode("ascii") for names in lists for name in names}
    before = -1
    while len(found) > before:
        before = len(found)
        found |= {name for name, needed in _RESTS_ON.items() if not found.isdisjoint(needed)}
    return frozenset(found)


def outside(starttls: bool, mechanisms: tuple[str, ...], without: frozenset[bytes] = frozenset()) -> bytes:
    """Before login: whether STARTTLS is offered here, and how one may log in on this connection, if one may."""
    some = _told(_ALWAYS, without)
    if starttls:
        some.append(b"STARTTLS")
    some += [f"AUTH={name}".encode() for name in mechanisms] or [b"LOGINDISABLED"]
    return b"CAPABILITY " + b" ".join(some)


def inside(max_append: int, without: frozenset[bytes] = frozenset()) -> bytes:
    """After login."""
    some = [*_told(_ALWAYS, without), *_told(_INSIDE, without)]
    if b"APPENDLIMIT" not in without:
        some.append(b"APPENDLIMIT=%d" % max_append)  # RFC 7889
    return b"CAPABILITY " + b" ".join(some)


def literals(without: frozenset[bytes]) -> int | None:
    """The largest literal that a client may send without waiting; None: any (RFC 7888)."""
    if b"LITERAL+" not in without:
        return None
    return 0 if b"LITERAL-" in without else SMALL_LITERAL


def _told(names: tuple[bytes, ...], without: frozenset[bytes]) -> list[bytes]:
    unspoken = without if b"LITERAL+" in without else without | {b"LITERAL-"}  # RFC 7888 §5: one of the two
    return [name for name in names if name not in unspoken]

"""What this door can do, told in CAPABILITY (RFC 9051 §6.1.1). Only what is done is named here."""

# Told at all times.
_ALWAYS = (
    b"IMAP4rev1",  # RFC 3501
    b"IMAP4rev2",  # RFC 9051, once it is enabled
    b"LITERAL+",  # RFC 7888
    b"SASL-IR",  # RFC 4959
    b"ID",  # RFC 2971
    b"ENABLE",  # RFC 5161
)

# Told after login, when the client chooses how to go on.
_INSIDE = (
    b"IDLE",  # RFC 2177
    b"NAMESPACE",  # RFC 2342
    b"UIDPLUS",  # RFC 4315
    b"MOVE",  # RFC 6851
    b"SPECIAL-USE",  # RFC 6154
    b"CREATE-SPECIAL-USE",  # RFC 6154 §3
    b"CHILDREN",  # RFC 3348
    b"LIST-EXTENDED",  # RFC 5258
    b"LIST-STATUS",  # RFC 5819
    b"STATUS=SIZE",  # RFC 8438
    b"UNSELECT",  # RFC 3691
    b"CONDSTORE",  # RFC 7162
    b"QRESYNC",  # RFC 7162 §3.2
    b"UIDONLY",  # RFC 9586
    b"UTF8=ACCEPT",  # RFC 9755
    b"ESEARCH",  # RFC 4731
    b"WITHIN",  # RFC 5032
    b"MULTIAPPEND",  # RFC 3502
    b"OBJECTID",  # RFC 8474
    b"QUOTA",  # RFC 9208
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
)


def outside(starttls: bool, mechanisms: tuple[str, ...]) -> bytes:
    """Before login: whether STARTTLS is offered here, and how one may log in on this connection, if one may."""
    some = [*_ALWAYS]
    if starttls:
        some.append(b"STARTTLS")
    some += [f"AUTH={name}".encode() for name in mechanisms] or [b"LOGINDISABLED"]
    return b"CAPABILITY " + b" ".join(some)


def inside(max_append: int) -> bytes:
    """After login."""
    return b"CAPABILITY " + b" ".join((*_ALWAYS, *_INSIDE, b"APPENDLIMIT=%d" % max_append))  # RFC 7889

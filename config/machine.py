"""The settings held against the machine: certificates that fit, addresses that do not collide, a disk that holds.

Each problem is a location in `kwcmaild.yaml` and a sentence.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from config.fields import Location
from config.settings import Listen, Settings
from config.values import split_host_port

_NETWORK_DISKS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs")


def machine_problems(settings: Settings) -> Iterator[tuple[Location, str]]:
    yield from _certificates(settings)
    yield from _addresses(settings)
    yield from _disk(settings)


def listeners(settings: Settings) -> Iterator[tuple[Location, Listen]]:
    """Every listener of every door, and where it is written."""
    for door, listen in (
        ("smtp", settings.smtp.listen),
        ("imap", settings.imap.listen),
        ("pop3", settings.pop3.listen),
        ("web", settings.web.listen),
    ):
        for number, each in enumerate(listen):
            yield (door, "listen", number), each


def _certificates(settings: Settings) -> Iterator[tuple[Location, str]]:
    tls = settings.tls
    if tls.certificate is not None and tls.key is not None:
        yield from _pair(("tls",), tls.certificate, tls.key)
    elif tls.certificate is not None or tls.key is not None:
        yield ("tls",), "certificate and key are given together or not at all"
    else:
        first = next((location for location, listen in listeners(settings) if listen.tls != "none"), None)
        if first is not None:
            door, _, number = first
            yield ("tls",), f"certificate and key are missing; {door}.listen[{number}] needs them for TLS"
    for name, pair in tls.names.items():
        yield from _pair(("tls", "names", name), pair.certificate, pair.key)


def _pair(location: Location, certificate: Path, key: Path) -> Iterator[tuple[Location, str]]:
    """A certificate and a key that can be read, belong together and are in force."""
    readable = True
    for name, path in (("certificate", certificate), ("key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            readable = False
            yield (*location, name), f"{path} cannot be read: {error.strerror}"
    if not readable:
        return
    if key.stat().st_mode & 0o007:
        yield (*location, "key"), f"everybody on this machine can read {key}; it should be 0600"
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        yield (*location, "certificate"), f"{certificate} is not a certificate in PEM form"
        return
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except TypeError:
        yield (*location, "key"), f"{key} is encrypted; the server needs a key without a password"
        return
    except ValueError:
        yield (*location, "key"), f"{key} is not a private key in PEM form"
        return
    if private.public_key() != leaf.public_key():
        yield (*location, "key"), f"{key} is not the key of the certificate in {certificate}"
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        yield (*location, "certificate"), f"{certificate} has expired on {leaf.not_valid_after_utc:%Y-%m-%d}"
    elif leaf.not_valid_before_utc > now:
        yield (*location, "certificate"), f"{certificate} begins only on {leaf.not_valid_before_utc:%Y-%m-%d}"


def _addresses(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Two listeners on one port, where the same address or a wildcard would take it from the other."""
    all_of_them = [
        (location, listen.path or listen.host, listen.port) for location, listen in listeners(settings)
    ]
    for number, (location, path, _) in enumerate(all_of_them):
        if path.startswith("/") and any(path == other for _, other, _ in all_of_them[:number]):
            yield location, f"the socket {path} is already another listener's"
    if settings.metrics.listen is not None:
        all_of_them.append((("metrics", "listen"), *split_host_port(settings.metrics.listen)))
    for number, (location, host, port) in enumerate(all_of_them):
        for earlier, other_host, other_port in all_of_them[:number]:
            same_family = (":" in host) == (":" in other_host)
            wildcard = same_family and ({host, other_host} & {"0.0.0.0", "::"})  # noqa: S104 -- only compared
            if port == other_port != 0 and (host == other_host or wildcard):
                place = ".".join(str(part) for part in earlier[:2])
                number_of = f"[{earlier[2]}]" if len(earlier) > 2 else ""
                yield location, f"port {port} is already taken by {place}{number_of}"
                break


def _disk(settings: Settings) -> Iterator[tuple[Location, str]]:
    """SQLite's locks and shared memory do not work over a network."""
    kind = filesystem(settings.data)
    if kind in _NETWORK_DISKS:
        yield ("data",), f"{settings.data} is on a network disk ({kind}), which cannot hold the index"


def filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of filesystem that a path is on or would be on; empty where the kernel does not say."""
    real = path.resolve()
    best, kind = -1, ""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        depth = len(Path(point).parts)
        if real.is_relative_to(point) and depth >= best:
            best, kind = depth, after.split(" ")[0]
    return kind

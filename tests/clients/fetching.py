"""fetchmail and getmail6, each handing every message to a small program that writes it into a file."""

from pathlib import Path

from tests.clients.daemons import HOST, Daemons, Login, Tools


def fetchmail(
    daemons: Daemons, login: Login, tools: Tools, protocol: str, way: str, folder: Path
) -> list[bytes]:
    """Everything, deleted on the server afterwards, each message handed to a program that writes a file."""
    tls = {"plain": "sslproto ''", "starttls": "sslproto 'TLS1.2+'", "implicit": "ssl"}[way]
    if way != "plain":
        tls += f" sslcertck sslcertfile '{daemons.demo.ca}'"
    into = folder / "fetched"
    into.mkdir()
    rc = folder / "fetchmailrc"
    rc.write_text(
        f"set invisible\nset no bouncemail\n"
        f"poll {HOST} protocol {protocol} port {daemons.port(protocol, way)} auth password\n"
        f"user '{login.address}' password '{login.password}' {tls} fetchall no rewrite pass8bits\n"
        f"mda 'cat > $(mktemp {into}/XXXXXXXX)'\n"
    )
    rc.chmod(0o600)
    tools("fetchmail", "-f", rc, "--pidfile", folder / "pid", "-i", folder / "ids", "--nosyslog", "-v")
    return [path.read_bytes() for path in into.iterdir()]


def getmail(
    daemons: Daemons, login: Login, tools: Tools, protocol: str, way: str, folder: Path
) -> list[bytes]:
    """What it has not fetched before, left on the server. All that was fetched so far."""
    kind = f"Simple{protocol.upper()}{'SSL' if way == 'implicit' else ''}Retriever"
    trust = f"ca_certs = {daemons.demo.ca}\n" if way == "implicit" else ""
    into = folder / "fetched"
    into.mkdir(exist_ok=True)
    rc = folder / "getmailrc"
    # `sleep`: getmail 6.18 waits for ever for a program that ends before it begins to wait.
    rc.write_text(
        f"[retriever]\ntype = {kind}\nserver = {HOST}\nport = {daemons.port(protocol, way)}\n{trust}"
        f"username = {login.address}\npassword = {login.password}\n"
        f"[destination]\ntype = MDA_external\npath = /bin/sh\n"
        f"arguments = ('-c', 'cat > $(mktemp {into}/XXXXXXXX); sleep 0.1')\nallow_root_commands = true\n"
        "[options]\nread_all = false\ndelete = false\ndelivered_to = false\nreceived = false\n"
    )
    tools("getmail", "--getmaildir", folder, "--rcfile", rc)
    own = b"X-getmail-retrieved-from-mailbox: INBOX\n"
    return [path.read_bytes().replace(own, b"") for path in into.iterdir()]

"""`kwcmaild init DIR --domain D`: the first files of a real server."""

from pathlib import Path
from typing import Annotated

import typer

from config.values import host_name, own_domain
from kwcmaild.commands.directory import Json, show
from kwcmaild.commands.options import fail
from kwcmaild.init import AlreadyThere, NewAccount, create, server_settings
from storage.people.passwords import new_password


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Usually /etc/kwcmaild.")],
    domain: Annotated[str, typer.Option(metavar="D", help="The first mail domain, such as example.jp.")],
    hostname: Annotated[
        str | None, typer.Option(metavar="NAME", help="The server's name; mail.D if not given.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Where mail and queue are kept.")] = Path("/var/lib/kwcmaild"),
    run: Annotated[Path, typer.Option(help="Sockets and locks.")] = Path("/run/kwcmaild"),
    as_json: Json = False,
) -> None:
    """Write configuration, certificate, a first domain and its account admin; nothing is overwritten."""
    try:
        name = own_domain(domain)
        server = host_name(hostname or f"mail.{name}")
        password = new_password()
        settings = server_settings(server, f"admin@{name}", data.absolute(), run.absolute())
        admin = NewAccount("admin", password, comment="operator")
        create(directory, settings, [server], name, [f"admin@{name}"], [admin])
    except (ValueError, AlreadyThere) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or directory}: {error.strerror}")
    text = f"""\
{directory}/kwcmaild.yaml is written, with a self-signed certificate for {server}.

First account, which is also the operator:
  admin@{name}   {password}

More accounts:       kwcmaild account add taro@{name} -c {directory}/kwcmaild.yaml
Is everything right: kwcmaild check -c {directory}/kwcmaild.yaml
Start:               systemctl enable --now kwcmaild.target
                     (without systemd: kwcmaild serve -c {directory}/kwcmaild.yaml)"""
    answer = {
        "config": str(directory / "kwcmaild.yaml"),
        "hostname": server,
        "domain": name,
        "accounts": [{"address": f"admin@{name}", "password": password, "role": "operator"}],
    }
    show(answer, as_json, text.splitlines())

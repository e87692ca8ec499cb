"""`kwcmaild account app-password`, `two-factor-off`, `undelete`: what one signs in with, and an account back."""

from datetime import date, datetime
from typing import Annotated

import typer

from kwcmaild.commands.account import Address
from kwcmaild.commands.directory import Json, directory_of, moment, show
from kwcmaild.commands.options import DEFAULT, ConfigFile
from storage import admin_deleted, admin_secrets

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as a phone's name.")]
Delete = Annotated[bool, typer.Option("--delete", help="Take back the app password of this name.")]


def app_password(
    address: Address, name: Name, delete: Delete = False, json: Json = False, config: ConfigFile = DEFAULT
) -> None:
    """Make a password for one program, shown only now; or take it back."""
    with directory_of(config) as directory:
        if delete:
            admin_secrets.delete_app_password(directory, address, name)
            show({"address": address, "deleted": name}, json, [f"the app password {name} is taken back"])
            return
        shown = admin_secrets.add_app_password(directory, address, name, date.today())
        show({"address": address, "name": name, "password": shown}, json, [shown])


def two_factor_off(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Let the account sign in to the panel with its password alone: for who has lost the telephone."""
    with directory_of(config) as directory:
        admin_secrets.set_two_factor(directory, address, None)
        show({"address": address}, json, [f"{address} signs in with its password alone"])


def undelete(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Have an account back that was deleted in the panel within the last seven days, with its mail."""
    with directory_of(config) as directory:
        gone = admin_deleted.latest(directory, address)
        admin_deleted.undelete(directory, address)
        deleted = datetime.fromtimestamp(gone.at).isoformat(timespec="seconds")
        line = f"{address} is back; it was deleted {moment(gone.at)}"
        show({"address": address, "deleted": deleted}, json, [line])

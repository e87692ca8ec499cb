"""`kwcmaild index …` and `kwcmaild account restored`: the cache made again, and marks after a backup."""

from typing import Annotated

import typer

from config.settings import Settings
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, settings_of
from storage.account_files import AccountFiles
from storage.directory import Directory

app = typer.Typer(help="The index of an account: a cache of what its Maildir says.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The account.", show_default=False)]


@app.command("rebuild")
def rebuild(address: Address, config: ConfigFile = DEFAULT) -> None:
    """Throw an account's index away and make it again from its files. The server may be running."""
    files = _files(settings_of(config), address)
    count = files.rebuild()
    files.close()
    typer.echo(f"{address}: {count} messages")


def restored(address: Address, config: ConfigFile = DEFAULT) -> None:
    """After a backup was put back: no UID that was given out since the backup is given out again."""
    files = _files(settings_of(config), address)
    count = files.restored()
    files.close()
    typer.echo(f"{address}: {count} messages, UIDs go on above all that were given out before")


def _files(settings: Settings, address: str) -> AccountFiles:
    entry = Directory(settings).account(address)
    if entry is None:
        fail(f"there is no account {address}")
    return AccountFiles(settings.data, entry.address)

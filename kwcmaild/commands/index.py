"""`kwcmaild index …` and `kwcmaild account restored`: the cache made again, and marks after a backup."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kwcmaild.commands.directory import Json, directory_of, show
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage.account_files import AccountFiles

app = typer.Typer(help="The index of an account: a cache of what its Maildir says.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The account.", show_default=False)]


@app.command("rebuild")
def rebuild(address: Address, as_json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Throw an account's index away and make it again from its files. The server may be running."""
    with _files(config, address) as files:
        count = files.rebuild()
        show({"address": files.address, "messages": count}, as_json, [f"{files.address}: {count} messages"])


def restored(address: Address, as_json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """After a backup was put back: no UID that was given out since the backup is given out again."""
    with _files(config, address) as files:
        count = files.restored()
        line = f"{files.address}: {count} messages, UIDs go on above all that were given out before"
        show({"address": files.address, "messages": count}, as_json, [line])


@contextmanager
def _files(config: Path, address: str) -> Iterator[AccountFiles]:
    with directory_of(config) as directory:
        entry = directory.account(address)
        if entry is None:
            fail(f"there is no account {address}")
        with closing(AccountFiles(directory.settings.data, entry.address)) as files:
            yield files

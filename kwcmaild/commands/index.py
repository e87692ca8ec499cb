"""`kwcmaild index …` and `kwcmaild account restored`: the caches, and marks after a backup."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kwcmaild.commands.directory import Json, directory_of, show
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage import dovecot
from storage.account_files import AccountFiles
from storage.quota import used_now
from storage.search import fulltext
from storage.search.feed import feed

app = typer.Typer(help="The indexes of an account: caches of what its Maildir says.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The account.", show_default=False)]


@app.command("rebuild")
def rebuild(address: Address, as_json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Throw an account's index away and make it again from its files. The server may be running."""
    with _files(config, address) as files:
        count = files.rebuild()
        show({"address": files.address, "messages": count}, as_json, [f"{files.address}: {count} messages"])


def from_dovecot(
    address: Address,
    maildir: Annotated[Path, typer.Argument(metavar="MAILDIR", help="Dovecot's; it is only read.")],
    as_json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Copy a Maildir of Dovecot's into an account without mail: UIDs, flags, keywords and dates stay."""
    with _files(config, address) as files:
        brought = dovecot.bring(maildir, files.dir)
        files.rebuild()
        lines = [f"{files.address}: {brought.messages} messages in {brought.mailboxes} mailboxes"]
        lines += [
            f"{name}: no list of UIDs by Dovecot is there, so mail programs download it again"
            for name in brought.anew
        ]
        show({"address": files.address, **brought._asdict()}, as_json, lines)


@app.command("show")
def shown(address: Address, as_json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """How large an account's index and its full-text index are, and how many messages are in them."""
    with _files(config, address) as files:
        with files.reading() as db:
            octets, messages = used_now(db)
        index = sum(path.stat().st_size for path in files.dir.glob("index.sqlite*"))
        words, taken = fulltext.size(files.dir), fulltext.count(files.dir)
        found = {
            "address": files.address,
            "messages": messages,
            "bytes": octets,
            "index_bytes": index,
            "fulltext_bytes": words,
            "fulltext_messages": taken,
        }
        part = f"{words / octets:.0%}" if octets else "0%"
        lines = [
            f"{files.address}: {messages} messages of {octets:,} bytes",
            f"index: {index:,} bytes",
            f"full-text index: {words:,} bytes ({part} of the mail), {taken} messages",
        ]
        show(found, as_json, lines)


@app.command("fulltext")
def made(address: Address, as_json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Throw an account's full-text index away and make it again now. The server may be running."""
    with _files(config, address) as files:
        fulltext.remove(files.dir)
        while feed(files).more:
            pass
        count, size = fulltext.count(files.dir), fulltext.size(files.dir)
        line = f"{files.address}: {count} messages, {size:,} bytes"
        show({"address": files.address, "messages": count, "bytes": size}, as_json, [line])


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

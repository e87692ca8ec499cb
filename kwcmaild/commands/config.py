"""`kwcmaild config`: what can be set, for editors and for people."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from config import reference as made

app = typer.Typer(help="What can be set, for editors and for people.", no_args_is_help=True)


class Kind(StrEnum):
    """The kinds of file, as `config.reference.FILES` names them."""

    SETTINGS = "settings"
    DOMAIN = "domain"
    ACCOUNT = "account"
    LIST = "list"
    FORWARDS = "forwards"


@app.command("schema")
def schema(
    kind: Annotated[Kind, typer.Argument(help="The kind of file.")] = Kind.SETTINGS,
) -> None:
    """The JSON schema of a file, for editors that check YAML."""
    typer.echo(json.dumps(made.schema(kind.value), indent=2, ensure_ascii=False))


@app.command("reference")
def reference() -> None:
    """Every setting with its default and its sentence, as Markdown: docs/reference.md."""
    typer.echo(made.reference(), nl=False)


@app.command("example")
def example() -> None:
    """A kwcmaild.yaml with every setting, as comments where it is the default."""
    typer.echo(made.example(), nl=False)

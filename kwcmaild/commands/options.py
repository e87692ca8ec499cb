"""Options that commands share, and how a command says that it cannot go on."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from config.load import load_settings
from config.problem import ConfigError
from config.settings import Settings

DEFAULT = Path("/etc/kwcmaild/kwcmaild.yaml")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The operator's file.")]


def settings_of(path: Path) -> Settings:
    """The settings, or the end of the command with every problem of the file."""
    try:
        return load_settings(path)
    except ConfigError as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    """One line (or more) to standard error, and exit status 1."""
    typer.echo(text, err=True)
    raise typer.Exit(1)

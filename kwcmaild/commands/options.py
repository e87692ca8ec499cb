"""Options that commands share, and how a command says that it cannot go on."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from config.load import load_settings
from config.problem import ConfigError
from config.settings import Settings
from net import log

DEFAULT = Path("/etc/kwcmaild/kwcmaild.yaml")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The operator's file.")]


def settings_of(path: Path) -> Settings:
    """The settings for a command of administration, which works as the owner of the files from here on."""
    settings = serving_settings(path)
    log.configure("error")  # faults of the store beside the command's own answer, as lines like any other
    act_as_owner(settings.domains)
    return settings


def act_as_owner(folder: Path) -> None:
    """Files that root makes could not be read by the server: become the user whose folder it is."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def serving_settings(path: Path) -> Settings:
    """The settings, or the end of the command with every problem of the file."""
    try:
        return load_settings(path)
    except ConfigError as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    """One line (or more) to standard error, and exit status 1."""
    typer.echo(text, err=True)
    raise typer.Exit(1)

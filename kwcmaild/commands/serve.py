"""`kwcmaild serve`, each process alone, and `kwcmaild demo`.

What a process is made of is imported when it is known which one: the supervisor itself stays small.
"""

from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, serving_settings
from kwcmaild.listeners import CannotListen
from kwcmaild.serve import bind_all, supervise, workers
from net import log
from net.notify import Notifier, inherited

Worker = Annotated[int | None, typer.Option("--worker", hidden=True, help="Set by the supervisor.")]


def serve(config: ConfigFile = DEFAULT) -> None:
    """All processes, supervised, in the foreground."""
    path = config.absolute()
    settings = _begin(path)
    try:
        supervise(path, settings, bind_all(settings), Notifier())
    except CannotListen as error:
        fail(str(error))


def smtp(config: ConfigFile = DEFAULT, worker: Worker = None) -> None:
    """The SMTP process: ports 25, 587 and 465."""
    _room("smtp", config, worker)


def imap(config: ConfigFile = DEFAULT, worker: Worker = None) -> None:
    """The IMAP process: ports 143 and 993."""
    _room("imap", config, worker)


def pop3(config: ConfigFile = DEFAULT, worker: Worker = None) -> None:
    """The POP3 process: ports 110 and 995."""
    _room("pop3", config, worker)


def relay(config: ConfigFile = DEFAULT) -> None:
    """The process that runs the outbound queue and timed work."""
    _room("relay", config, None)


def web(config: ConfigFile = DEFAULT) -> None:
    """The HTTPS process: settings for mail programs, control panel."""
    _room("web", config, None)


def demo(
    directory: Annotated[Path, typer.Option("--dir", metavar="D", help="Where its files are.")] = Path(
        "demo"
    ),
) -> None:
    """A server to try, on loopback, with made-up accounts; a second start keeps what is there."""
    from kwcmaild.demo import greeting, prepare
    from kwcmaild.init import AlreadyThere

    try:
        made = prepare(directory)
        settings = _begin(made.settings)
        bound = bind_all(settings)
    except (AlreadyThere, CannotListen) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or directory}: {error.strerror}")
    supervise(made.settings, settings, bound, Notifier(), lambda: typer.echo(greeting(made)))


def _begin(path: Path) -> Settings:
    settings = serving_settings(path)
    log.configure(settings.log.level, settings.log.format)
    return settings


def _room(room: str, config: Path, worker: int | None) -> None:
    path = config.absolute()
    settings = _begin(path)
    notifier = Notifier()
    try:
        bound = bind_all(settings, [room], inherited())
    except CannotListen as error:
        fail(str(error))
    if worker is None and workers(settings, room) > 1:
        supervise(path, settings, bound, notifier)
    else:
        from kwcmaild import process

        try:
            process.run(room, path, settings, bound[room], notifier)
        except process.CannotStart as error:
            fail(str(error))

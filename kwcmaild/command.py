"""The command line: `kwcmaild COMMAND`. Each group of commands is a file of `kwcmaild.commands`.

A process that serves is started often (by systemd, by the supervisor after a crash) and should be quick: the
commands of administration, and the rooms that they need, are imported only where one of them is asked for.
"""

import sys

import typer

from kwcmaild.commands import serve

PROCESSES = {
    "demo": serve.demo,
    "serve": serve.serve,
    "smtp": serve.smtp,
    "imap": serve.imap,
    "pop3": serve.pop3,
    "relay": serve.relay,
    "web": serve.web,
}


def application(first: str = "") -> typer.Typer:
    """The commands; only those that serve if the `first` word of the command line is one of them."""
    app = typer.Typer(
        name="kwcmaild",
        help="A complete mail service: SMTP, IMAP, POP3 and web over one store.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, command in PROCESSES.items():
        app.command(name)(command)
    if first not in PROCESSES:
        _administration(app)
    return app


def _administration(app: typer.Typer) -> None:
    from kwcmaild.commands import (
        account,
        app_password,
        check,
        config,
        dkim,
        dmarc,
        dns,
        domain,
        filter,
        forward,
        hold,
        index,
        init,
        queue,
        token,
        trace,
    )
    from kwcmaild.commands import list as lists

    app.command("init")(init.init)
    app.command("check")(check.check)
    app.command("dns")(dns.dns)
    app.command("dmarc")(dmarc.dmarc)
    app.command("trace")(trace.trace)
    account.app.command("restored")(index.restored)
    account.app.command("from-dovecot")(index.from_dovecot)
    account.app.command("hold")(hold.hold)
    account.app.command("unhold")(hold.unhold)
    account.app.command("app-password")(app_password.app_password)
    account.app.command("two-factor-off")(app_password.two_factor_off)
    account.app.command("undelete")(app_password.undelete)
    app.add_typer(account.app, name="account")
    app.add_typer(domain.app, name="domain")
    app.add_typer(lists.app, name="list")
    app.add_typer(forward.app, name="forward")
    app.add_typer(dkim.app, name="dkim")
    app.add_typer(filter.app, name="filter")
    app.add_typer(queue.app, name="queue")
    app.add_typer(token.app, name="token")
    app.add_typer(index.app, name="index")
    app.add_typer(config.app, name="config")


def main() -> None:
    application(*sys.argv[1:2])(prog_name="kwcmaild")

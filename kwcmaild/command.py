"""The command line: `kwcmaild COMMAND`. Each group of commands is a file of `kwcmaild.commands`."""

import typer

from kwcmaild.commands import account, check, config, domain, index, init, queue, serve

app = typer.Typer(
    name="kwcmaild",
    help="A complete mail service: SMTP, IMAP, POP3 and web over one store.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(serve.demo)
app.command("init")(init.init)
app.command("check")(check.check)
app.add_typer(config.app, name="config")
app.command("serve")(serve.serve)
app.command("smtp")(serve.smtp)
app.command("imap")(serve.imap)
app.command("pop3")(serve.pop3)
app.command("relay")(serve.relay)
app.command("web")(serve.web)
app.add_typer(queue.app, name="queue")
account.app.command("restored")(index.restored)
app.add_typer(account.app, name="account")
app.add_typer(domain.app, name="domain")
app.add_typer(index.app, name="index")


def main() -> None:
    app(prog_name="kwcmaild")

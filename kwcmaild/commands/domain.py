"""`kwcmaild domain add|set|del|list|show`: the domains served, each with its customer's contract."""

from dataclasses import asdict
from typing import Annotated

import typer

from config.units import format_size
from kwcmaild.commands.directory import Json, directory_of, show, size, table
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage import admin_domains
from storage.admin_domains import DomainChange, DomainSummary

app = typer.Typer(help="Domains and their contracts.", no_args_is_help=True)

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, such as example.jp.")]
Capacity = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Capacity of the contract: 100G, 200G … up to 1T.")
]
Administrators = Annotated[
    list[str] | None,
    typer.Option("--administrator", metavar="ADDRESS", help="Who administers it; may be given again."),
]


@app.command()
def add(
    domain: Domain,
    capacity: Capacity = None,
    administrator: Administrators = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Make a domain, without accounts."""
    with directory_of(config) as directory:
        change = DomainChange(size(capacity), tuple(administrator) if administrator else None)
        made = admin_domains.add_domain(directory, domain, change)
        show(made, json, [f"{made.domain} is made, with {format_size(made.capacity)}"])


@app.command("set")
def set_(
    domain: Domain,
    capacity: Capacity = None,
    administrator: Administrators = None,
    catch_all: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help='Who gets mail to unknown addresses; "" refuses such mail.'),
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Change what is given and leave the rest, and the comments in the file."""
    change = DomainChange(size(capacity), tuple(administrator) if administrator else None, catch_all)
    if change == DomainChange():
        fail("nothing to change: give an option (see --help)")
    with directory_of(config) as directory:
        changed = admin_domains.set_domain(directory, domain, change)
        show(changed, json, [f"{changed.domain} is changed"])


@app.command("del")
def delete(
    domain: Domain,
    with_accounts: Annotated[
        bool, typer.Option("--with-accounts", help="Also delete its accounts and lists.")
    ] = False,
    keep_mail: Annotated[
        bool | None,
        typer.Option("--keep-mail/--remove-mail", help="Whether mail stays on the disk or goes for good."),
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Delete a domain. What becomes of its mail must be said."""
    if keep_mail is None:
        fail("say what becomes of the mail: --keep-mail or --remove-mail")
    with directory_of(config) as directory:
        admin_domains.delete_domain(directory, domain, with_accounts=with_accounts, keep_mail=keep_mail)
        mail = "mail is kept" if keep_mail else "mail is removed"
        show({"domain": domain, "keep_mail": keep_mail}, json, [f"{domain} is deleted; its {mail}"])


@app.command("list")
def list_(json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """All domains, and how much of each contract is given out."""
    with directory_of(config) as directory:
        domains = admin_domains.list_domains(directory)
        rows = [
            (
                one.domain,
                format_size(one.capacity),
                format_size(one.given),
                str(one.accounts),
                one.problem or "",
            )
            for one in domains
        ]
        show(domains, json, table(("DOMAIN", "CAPACITY", "GIVEN", "ACCOUNTS", "PROBLEM"), rows))


@app.command("show")
def show_(domain: Domain, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """One domain and its contract."""
    with directory_of(config) as directory:
        summary = admin_domains.show_domain(directory, domain)
        show(asdict(summary), json, _lines(summary))


def _lines(domain: DomainSummary) -> list[str]:
    facts = {
        "domain": domain.domain,
        "problem": domain.problem or "",
        "capacity": format_size(domain.capacity),
        "given": f"{format_size(domain.given)} to {domain.accounts} accounts",
        "left": format_size(max(domain.capacity - domain.given, 0)),
        "lists": str(domain.lists),
        "administrators": ", ".join(domain.administrators),
        "catch-all": domain.catch_all or "",
    }
    return [f"{name + ':':<16}{value}" for name, value in facts.items() if value]

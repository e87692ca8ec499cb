"""`kwcmaild list add|set|del|list|show|import|export|resume`: mailing lists, each a YAML file."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from config.units import format_size
from kwcmaild.commands.directory import Json, OneDomain, directory_of, moment, of_domains, show, size, table
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage import admin_lists, admin_members, list_csv
from storage.admin_lists import ListChange, ListDetails

app = typer.Typer(help="Mailing lists.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="LIST", help="The list's address, such as sales@example.jp.")]
Owner = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Who looks after it.")]
Members = Annotated[
    list[str] | None, typer.Option("--member", metavar="ADDRESS", help="A member; may be given again.")
]
Posters = Annotated[
    list[str] | None,
    typer.Option("--poster", metavar="ADDRESS", help="A member with the right to post; may be given again."),
]
Posting = Annotated[str | None, typer.Option(metavar="anyone|members|posters", help="Who may post.")]
Moderation = Annotated[
    str | None, typer.Option(metavar="none|strangers|all", help="Which posts wait for the owner.")
]
Prefix = Annotated[
    str | None, typer.Option(help='Put before the subject, such as "[{name}:{number}]"; "" puts nothing.')
]
ReplyTo = Annotated[str | None, typer.Option(metavar="list|author", help="Where answers go.")]
MaxMessage = Annotated[str | None, typer.Option(metavar="SIZE", help="The largest message, such as 5M.")]
Comment = Annotated[str | None, typer.Option(help="For the administrators.")]
Encoding = Annotated[
    str, typer.Option(metavar="utf-8|cp932", help="UTF-8 with a byte order mark, or CP932 for old programs.")
]


@app.command()
def add(
    address: Address,
    owner: Owner = None,
    member: Members = None,
    posting: Posting = None,
    poster: Posters = None,
    moderation: Moderation = None,
    prefix: Prefix = None,
    reply_to: ReplyTo = None,
    max_message: MaxMessage = None,
    comment: Comment = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Make a list. Its owner must be given."""
    with directory_of(config) as directory:
        change = ListChange(
            owner=owner,
            members=_several(member),
            posting=posting,
            posters=_several(poster),
            moderation=moderation,
            prefix=prefix,
            reply_to=reply_to,
            max_message=size(max_message),
            comment=comment,
        )
        made = admin_lists.add_list(directory, address, change)
        show(asdict(made), json, [f"{made.address} is made, with {made.members} members"])


@app.command("set")
def set_(
    address: Address,
    owner: Owner = None,
    member: Members = None,
    no_members: Annotated[bool, typer.Option("--no-members", help="Nobody but the owner.")] = False,
    posting: Posting = None,
    poster: Posters = None,
    no_posters: Annotated[
        bool, typer.Option("--no-posters", help="Take the right to post from all.")
    ] = False,
    moderation: Moderation = None,
    prefix: Prefix = None,
    reply_to: ReplyTo = None,
    max_message: MaxMessage = None,
    comment: Comment = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Change what is given and leave the rest, and the comments in the file. Members are replaced whole."""
    with directory_of(config) as directory:
        change = ListChange(
            owner=owner,
            members=() if no_members else _several(member),
            posting=posting,
            posters=() if no_posters else _several(poster),
            moderation=moderation,
            prefix=prefix,
            reply_to=reply_to,
            max_message=size(max_message),
            comment=comment,
        )
        if change == ListChange():
            fail("nothing to change: give an option (see --help)")
        changed = admin_lists.set_list(directory, address, change)
        show(asdict(changed), json, [f"{changed.address} is changed"])


@app.command("del")
def delete(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Delete a list. Its running number is kept for one made again under the name."""
    with directory_of(config) as directory:
        admin_lists.delete_list(directory, address)
        show({"address": address}, json, [f"{address} is deleted"])


@app.command("list")
def list_(
    domain: OneDomain = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """The lists of a domain, or all."""
    with directory_of(config) as directory:
        lists = of_domains(directory, domain, admin_lists.list_lists)
        rows = [
            (
                one.address,
                str(one.members),
                one.posting,
                one.owner,
                "broken file" if one.problem else one.comment,
            )
            for one in lists
        ]
        show(
            [asdict(one) for one in lists],
            json,
            table(("LIST", "MEMBERS", "POSTING", "OWNER", "COMMENT"), rows),
        )


@app.command("show")
def show_(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Everything about one list: its settings, its members, whose mail comes back, what waits for the owner."""
    with directory_of(config) as directory:
        details = admin_lists.show_list(directory, address)
        show(asdict(details), json, _lines(details))


@app.command("import")
def import_(
    address: Address,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, or - for standard input.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Members that are not in the file leave the list.")
    ] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Take members over from a CSV file: address, name, receives, may_post. All of it, or nothing."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        rows = list_csv.read(data)
    except list_csv.BadCsv as error:
        fail(f"{file}: nothing is taken over:\n{error}")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    with directory_of(config) as directory:
        came, changed, went = admin_members.import_members(directory, address, rows, replace=replace)
        answer = {"address": address, "came": came, "changed": changed, "went": went}
        show(answer, json, [f"{address}: {came} members came, {changed} changed, {went} went"])


@app.command()
def export(
    address: Address,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the CSV goes; - is standard output.")
    ] = Path("-"),
    encoding: Encoding = "utf-8",
    config: ConfigFile = DEFAULT,
) -> None:
    """Write the members with their names and rights as CSV, for Excel and other spreadsheets."""
    if encoding not in ("utf-8", "cp932"):
        fail(f"{encoding}: utf-8 and cp932 are known")
    with directory_of(config) as directory:
        rows = admin_members.export_members(directory, address)
        data = list_csv.write(rows, "cp932" if encoding == "cp932" else "utf-8")
        if str(file) == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            file.write_bytes(data)


@app.command()
def resume(
    address: Address,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's address.")],
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Send to a member again who was paused because mail came back."""
    with directory_of(config) as directory:
        paused = admin_members.resume_member(directory, address, member)
        text = f"{member} gets the posts again" if paused else f"{member} was not paused"
        show({"address": address, "member": member, "was_paused": paused}, json, [text])


def _several(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _lines(details: ListDetails) -> list[str]:
    one = details.summary
    facts = {
        "list": one.address,
        "problem": one.problem or "",
        "comment": one.comment,
        "owner": one.owner,
        "posting": one.posting + (f" ({len(details.posters)})" if one.posting == "posters" else ""),
        "moderation": one.moderation,
        "prefix": details.prefix,
        "answers go to": details.reply_to,
        "largest post": format_size(details.max_message),
        "last number": str(details.last_number),
        "members": str(one.members),
    }
    lines = [f"{name + ':':<15}{value}" for name, value in facts.items() if value]
    for member in details.members:
        rights = [] if member.receives else ["gets nothing"]
        rights += ["may post"] if member.may_post else []
        more = f" ({', '.join(rights)})" if rights else ""
        lines.append(f"    {member.address}{more}{'  ' + member.name if member.name else ''}")
    for each in details.bouncing:
        state = "paused:" if each.paused else "comes back:"
        said = f"{each.member}, on {each.days} days, last {moment(each.at)} {each.reason}"
        lines.append(f"{state:<15}{said.rstrip()}")
    lines += [f"{'waits:':<15}{each.author}: {each.subject} ({moment(each.at)})" for each in details.waiting]
    return lines

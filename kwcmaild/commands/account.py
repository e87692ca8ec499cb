"""`kwcmaild account add|set|del|list|show|unlock`: the accounts of the domains, each a YAML file."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import ValidationError

from config.account import Autoreply as AutoreplySettings
from config.units import format_size
from kwcmaild.commands.directory import (
    Json,
    OneDomain,
    directory_of,
    moment,
    new_password,
    of_domains,
    show,
    size,
    table,
)
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage import admin
from storage.admin import AccountChange, AccountDetails, AccountSummary
from storage.people.directory import Directory
from storage.people.lockout import Lock

app = typer.Typer(help="Mail accounts.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The full address, such as taro@example.jp.")]
Quota = Annotated[str | None, typer.Option(metavar="SIZE", help="How much mail it may hold, such as 5G.")]
Messages = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="How many messages it may hold; 0: any number.")
]
Comment = Annotated[str | None, typer.Option(help="For the administrators, such as a department.")]
Aliases = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="NAME", help="Another name in the same domain; may be given again."),
]
SendAs = Annotated[
    list[str] | None,
    typer.Option("--send-as", metavar="ADDRESS", help="An address it may send from; may be given again."),
]
ForwardTo = Annotated[
    list[str] | None,
    typer.Option("--forward-to", metavar="ADDRESS", help="Where its mail goes too; may be given again."),
]
KeepCopy = Annotated[
    bool | None, typer.Option("--keep-copy/--no-keep-copy", help="Whether forwarded mail also stays here.")
]
Receive = Annotated[bool | None, typer.Option("--receive/--no-receive", help="Whether mail to it is taken.")]
Suspended = Annotated[
    bool | None, typer.Option("--suspend/--resume", help="Stop it: no login, no mail in or out.")
]
TagSubject = Annotated[
    bool | None, typer.Option("--tag-subject/--no-tag-subject", help="Put [SPAM] before the subject of spam.")
]
ToJunk = Annotated[bool | None, typer.Option("--to-junk/--no-to-junk", help="Sort spam into Junk.")]
Autoreply = Annotated[
    bool | None, typer.Option("--autoreply/--no-autoreply", help="Whether a text is sent back to who writes.")
]
AutoreplySubject = Annotated[
    str | None, typer.Option(metavar="TEXT", help='Subject of the reply; "": `Re:` and that of the message.')
]
AutoreplyText = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The text that is sent back; `\\n` begins a line.")
]
AutoreplyFrom = Annotated[
    str | None, typer.Option(metavar="DAY", help='The first day of replies (2026-08-10); "": at once.')
]
AutoreplyUntil = Annotated[
    str | None, typer.Option(metavar="DAY", help='The last day of replies; "": without an end.')
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]


@app.command()
def add(
    address: Address,
    quota: Quota = None,
    quota_messages: Messages = None,
    comment: Comment = None,
    alias: Aliases = None,
    send_as: SendAs = None,
    forward_to: ForwardTo = None,
    keep_copy: KeepCopy = None,
    receive: Receive = None,
    suspended: Suspended = None,
    tag_subject: TagSubject = None,
    to_junk: ToJunk = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Nobody can log in to it.")] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Make an account. Its password is asked for, or read from standard input."""
    if no_password and password_stdin:
        fail("--no-password and --password-stdin contradict each other")
    with directory_of(config) as directory:
        change = AccountChange(
            password=None if no_password else new_password(password_stdin),
            quota=size(quota),
            quota_messages=quota_messages,
            comment=comment,
            aliases=_several(alias),
            send_as=_several(send_as),
            forward_to=_several(forward_to),
            keep_copy=keep_copy,
            tag_subject=tag_subject,
            to_junk=to_junk,
            receive=receive,
            suspended=suspended,
        )
        made = admin.add_account(directory, address, change)
        show(made, json, [f"{made.address} is made, with {format_size(made.quota)}"])


@app.command("set")
def set_(
    address: Address,
    quota: Quota = None,
    quota_messages: Messages = None,
    comment: Comment = None,
    alias: Aliases = None,
    no_aliases: Annotated[bool, typer.Option("--no-aliases", help="Take all aliases away.")] = False,
    send_as: SendAs = None,
    no_send_as: Annotated[bool, typer.Option("--no-send-as", help="Only its own addresses.")] = False,
    forward_to: ForwardTo = None,
    no_forward: Annotated[bool, typer.Option("--no-forward", help="Forward nothing.")] = False,
    keep_copy: KeepCopy = None,
    receive: Receive = None,
    suspended: Suspended = None,
    tag_subject: TagSubject = None,
    to_junk: ToJunk = None,
    autoreply: Autoreply = None,
    autoreply_subject: AutoreplySubject = None,
    autoreply_text: AutoreplyText = None,
    autoreply_from: AutoreplyFrom = None,
    autoreply_until: AutoreplyUntil = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    password_stdin: FromStdin = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Change what is given and leave the rest, and the comments in the file. Lists are replaced whole."""
    with directory_of(config) as directory:
        change = AccountChange(
            password=new_password(password_stdin) if password or password_stdin else None,
            quota=size(quota),
            quota_messages=quota_messages,
            comment=comment,
            aliases=() if no_aliases else _several(alias),
            send_as=() if no_send_as else _several(send_as),
            forward_to=() if no_forward else _several(forward_to),
            keep_copy=keep_copy,
            tag_subject=tag_subject,
            to_junk=to_junk,
            receive=receive,
            suspended=suspended,
            autoreply=_autoreply(
                directory,
                address,
                {
                    "enabled": autoreply,
                    "subject": autoreply_subject,
                    "text": None if autoreply_text is None else autoreply_text.replace("\\n", "\n"),
                    "from": autoreply_from,
                    "until": autoreply_until,
                },
            ),
        )
        if change == AccountChange():
            fail("nothing to change: give an option (see --help)")
        changed = admin.set_account(directory, address, change)
        show(changed, json, [f"{changed.address} is changed"])


@app.command("del")
def delete(
    address: Address,
    keep_mail: Annotated[
        bool | None,
        typer.Option(
            "--keep-mail/--remove-mail", help="Whether its mail stays on the disk or goes for good."
        ),
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Delete an account. What becomes of its mail must be said."""
    if keep_mail is None:
        fail("say what becomes of the mail: --keep-mail or --remove-mail")
    with directory_of(config) as directory:
        admin.delete_account(directory, address, keep_mail=keep_mail)
        mail = "its mail is kept" if keep_mail else "its mail is removed"
        show({"address": address, "keep_mail": keep_mail}, json, [f"{address} is deleted; {mail}"])


@app.command("list")
def list_(
    domain: OneDomain = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """The accounts of a domain, or all."""
    with directory_of(config) as directory:
        accounts = of_domains(directory, domain, admin.list_accounts)
        held = {hold.account for hold in admin.held_accounts(directory)}
        rows = [
            (
                one.address,
                format_size(one.quota),
                _state(one) + (", sending held" if one.address in held else ""),
                one.comment,
            )
            for one in accounts
        ]
        show(accounts, json, table(("ADDRESS", "QUOTA", "STATE", "COMMENT"), rows))


@app.command("show")
def show_(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Everything about one account: its settings, its use, what is locked and from where it logged in."""
    with directory_of(config) as directory:
        details = admin.show_account(directory, address)
        show(asdict(details), json, _lines(details))


@app.command()
def unlock(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Let the account's owner in again, at once."""
    with directory_of(config) as directory:
        locks = admin.unlock(directory, address)
        show(locks, json, [f"unlocked: {_lock(one)}" for one in locks] or [f"{address} was not locked"])


def _autoreply(
    directory: Directory, address: str, given: Mapping[str, str | bool | None]
) -> AutoreplySettings | None:
    """The automatic reply with what is given in place of what was; None where nothing is given."""
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        return None
    entry = directory.account(address)
    before = entry.file.autoreply.model_dump(by_alias=True) if entry else {}
    days = {key: changes[key] or None for key in ("from", "until") if key in changes}
    try:
        return AutoreplySettings.model_validate({**before, **changes, **days})
    except ValidationError as error:
        fail("\n".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors()))


def _several(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _state(account: AccountSummary) -> str:
    if account.problem:
        return "broken file"
    if account.suspended:
        return "suspended"
    return "active" if account.receive else "not receiving"


def _lines(details: AccountDetails) -> list[str]:
    account = details.summary
    used_bytes, used_messages = details.used or (0, 0)
    share = f" ({100 * used_bytes // account.quota}%)" if account.quota else ""
    messages = f" of {account.quota_messages}" if account.quota_messages else ""
    forward = ", ".join(account.forward_to)
    facts = {
        "address": account.address,
        "state": _state(account),
        "problem": account.problem or "",
        "comment": account.comment,
        "quota": format_size(account.quota),
        "used": f"{used_bytes} bytes{share}, {used_messages}{messages} messages",
        "aliases": ", ".join(account.aliases),
        "forwards to": forward and forward + (" (and keeps a copy)" if account.keep_copy else ""),
        "password": "set" if details.password else "none: nobody can log in with one",
        "app passwords": ", ".join(details.app_passwords),
    }
    lines = [f"{name + ':':<15}{value}" for name, value in facts.items() if value]
    lines += [f"{'locked:':<15}{_lock(lock)}" for lock in details.locks]
    if details.hold is not None:
        hold = f"since {moment(details.hold.since)}: {details.hold.reason} (kwcmaild account unhold)"
        lines.append(f"{'sending held:':<15}{hold}")
    lines += [f"{'logged in:':<15}{moment(one.at)} by {one.protocol} from {one.net}" for one in details.seen]
    return lines


def _lock(lock: Lock) -> str:
    what = {
        "pair": f"from {lock.net}",
        "address": f"from {lock.net}, for every account",
        "account": "from every address that is not known to be the owner's",
    }[lock.kind]
    until = f"until {moment(lock.until)}" if lock.until is not None else "until an administrator unlocks it"
    return f"{what}, after {lock.failures} wrong passwords, since {moment(lock.since)}, {until}"

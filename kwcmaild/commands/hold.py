"""`kwcmaild account hold` and `unhold`: an account that is to send nothing for now, and its mail in the queue."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kwcmaild.commands.account import Address
from kwcmaild.commands.directory import Json, directory_of, moment, show
from kwcmaild.commands.options import DEFAULT, ConfigFile
from storage import admin
from storage.bus import Bus, Hint
from storage.people.directory import AccountEntry, Directory
from storage.queue import held_mail
from storage.queue.queue import ADDED, Queue

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for `account show`.")]


def hold(
    address: Address,
    reason: Reason = "by an administrator",
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Let the account send nothing more, also what it has in the queue. It receives and reads mail as before."""
    with directory_of(config) as directory:
        new = admin.hold_sending(directory, address, reason)
        messages = _queued(
            directory, address, lambda queue, entry: held_mail.hold(queue, _state(directory), entry)
        )
        said = "is held" if new else "was held already"
        show(
            {"account": address, "new": new, "queued": messages},
            json,
            [f"sending from {address} {said}; {_messages(messages)} in the queue stopped"],
        )


def unhold(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Let the account send again, and its held mail in the queue go, at once."""
    with directory_of(config) as directory:
        held = admin.unhold_sending(directory, address)
        messages = 0
        if held is not None:
            messages = _queued(
                directory, address, lambda queue, entry: held_mail.release(queue, _state(directory), entry)
            )
        line = (
            f"sending from {address} was not held"
            if held is None
            else f"{address} may send again; it was held since {moment(held.since)} ({held.reason});"
            f" {_messages(messages)} in the queue released"
        )
        show({"account": address, "hold": held and asdict(held), "queued": messages}, json, [line])


def _queued(directory: Directory, address: str, act: Callable[[Queue, AccountEntry], int]) -> int:
    """Do something with the account's mail in the queue, where there is a queue yet."""
    folder = directory.settings.data / "queue"
    entry = directory.account(address)
    if entry is None or not (folder / "queue.sqlite").exists():
        return 0
    bus = Bus(directory.settings.run)

    def wake(hint: Hint = ADDED) -> None:
        bus.publish(hint)

    queue = Queue(folder, wake=wake)
    try:
        return act(queue, entry)
    finally:
        queue.close()
        bus.close()


def _state(directory: Directory) -> Path:
    return directory.settings.data / "state"


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"

"""Many accounts of a domain made and changed in one go: the lock is taken and the domain looked through once
for a batch, not once for each. What one account is refused stops none of the others.
"""

from collections.abc import Callable, Sequence

from config import edit
from config.units import GIB, format_size
from storage.admin import AccountChange, changes_of, check_quota
from storage.admin_files import Refused, check_free, contract_lock, read_text, write_checked
from storage.people.directory import Directory
from storage.people.directory_cache import Name

Step = Callable[[str, str | None], None]

BATCH = 25  # accounts for which others wait at most


def apply(
    directory: Directory,
    domain: str,
    wanted: Sequence[tuple[str, AccountChange]],
    step: Step,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Make or change accounts (local part, change; passwords as hashes). `step` is told of each: its local
    part and why it was refused, if it was."""
    for start in range(0, len(wanted), BATCH):
        with contract_lock(directory, domain):
            for local, change in wanted[start : start + BATCH]:
                if stopping():
                    return
                try:
                    _one(directory, Name("account", domain, local), change)
                except Refused as error:
                    step(local, str(error))
                else:
                    step(local, None)


def _one(directory: Directory, name: Name, change: AccountChange) -> None:
    if name.path(directory.files.domains).exists():
        if change.quota is not None:
            check_quota(directory, name, change.quota)
        text = read_text(directory, name)
        write_checked(directory, name, text, changes_of(directory, name, change), edit.digest(text))
        return
    check_free(directory, name)
    quota = GIB if change.quota is None else change.quota
    check_quota(directory, name, quota)
    changes = {"quota": format_size(quota), **changes_of(directory, name, change)}
    write_checked(directory, name, "", changes, None)

"""Who looks after an account: the administrators of its domain, else the operators of the server."""

from storage.directory import Directory


def administrators(directory: Directory, account: str) -> list[str]:
    """Their accounts, the account itself left out. Raises Broken. For a thread."""
    contract = directory.domain(account.rpartition("@")[2])
    named = contract.administrators if contract is not None else ()
    found = [directory.account(address) for address in named or directory.settings.operators]
    return [entry.address for entry in found if entry is not None and entry.address != account]

"""Who looks after an account: the administrators of its domain, else the operators of the server."""

from storage.people.directory import Directory


def administrators(directory: Directory, account: str) -> list[str]:
    """Their accounts, the account itself left out. Raises Broken. For a thread."""
    contract = directory.domain(account.rpartition("@")[2])
    for named in (
        contract.administrator_addresses if contract is not None else (),
        directory.settings.operators,
    ):
        entries = [directory.account(address) for address in named if address != account]
        if found := [entry.address for entry in entries if entry is not None]:
            return found
    return []

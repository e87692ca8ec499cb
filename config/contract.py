"""What a customer's contract may hold, as sentences: None where all is well.

Used wherever a capacity or a limit is set or checked, so that the file, the command line and the panel say
the same.
"""

from collections.abc import Iterator, Sequence

from config.list import Member
from config.settings import Service
from config.units import format_size


def wrong_capacity(capacity: int, service: Service) -> str | None:
    """Capacities come in steps (100 GB to begin with), up to the most that is offered."""
    step, most = service.capacity_step, service.capacity_most
    if capacity < step:
        return (
            f"{format_size(capacity)} is less than {format_size(step)}, the smallest capacity of a contract"
        )
    if capacity > most:
        return f"{format_size(capacity)} is more than {format_size(most)}, the largest capacity of a contract"
    if capacity % step and capacity != most:
        return f"{format_size(capacity)} is not a multiple of {format_size(step)}"
    return None


def wrong_quota(quota: int, service: Service) -> str | None:
    """The limit of one account."""
    least, most = service.quota_least, service.quota_most
    if quota < least:
        return f"{format_size(quota)} is less than {format_size(least)}, the smallest limit of an account"
    if quota > most:
        return f"{format_size(quota)} is more than {format_size(most)}, the largest limit of an account"
    return None


def over_capacity(together: int, accounts: int, capacity: int) -> str | None:
    """The limits of all accounts of a domain against the capacity of its contract."""
    if together <= capacity:
        return None
    return (
        f"the limits of {accounts} accounts are {format_size(together)} together,"
        f" {format_size(together - capacity)} more than the contract's capacity of {format_size(capacity)}"
    )


def wrong_list(
    owner: str, members: Sequence[Member], posters: Sequence[str], service: Service
) -> Iterator[tuple[str, str]]:
    """The keys of a mailing list that hold more than a contract does, each with a sentence."""
    if (count := len({owner.lower(), *(each.address.lower() for each in members)})) > service.list_members:
        yield "members", f"{count} members with the owner; {service.list_members} are the most"
    if len(posters) > service.list_posters:
        yield "posters", f"{len(posters)} posters; {service.list_posters} are the most"

"""Reports on TLS (RFC 8460): what was found with the servers of each domain, counted by day."""

from dataclasses import dataclass

from smtp.relay.protection import Policy


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt at TLS with a host of a domain."""

    domain: str
    policy: Policy
    failure: str = ""  # a result-type of §4.3; empty: it succeeded
    host: str = ""
    address: str = ""
    words: str = ""


class Reports:
    def note(self, result: Result) -> None:
        """Count it."""

"""A resolver over a table of records, as the tests of sender authentication hand it in."""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from net.resolver import Answer, DnsFailure, Resolver

Record = tuple[str, object]  # kind and value; the value "TIMEOUT" means that the question is not answered


class Zone(Resolver):
    """`records` by name, without a dot at the end. Follows CNAMEs, as a name server would."""

    def __init__(self, records: dict[str, list[Record]]) -> None:
        super().__init__(["127.0.0.1:9"])
        self.records = {name.lower().rstrip("."): values for name, values in records.items()}
        self.asked: list[tuple[str, str]] = []

    async def look_up(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        return self._find(name.lower().rstrip("."), kind, 0)

    def _find(self, name: str, kind: str, depth: int) -> Answer:
        records = self.records.get(name)
        if records is None:
            return Answer(name, (), False, False, 60)
        found = [value for each, value in records if each == kind]
        if "TIMEOUT" in found or (not found and ("*", "TIMEOUT") in records):
            raise DnsFailure(f"{name} {kind}: no answer")
        for each, value in records:
            if each == "CNAME" and kind != "CNAME":
                return (
                    self._find(str(value).lower(), kind, depth + 1)
                    if depth < 8
                    else Answer(name, (), True, False, 1)
                )
        return Answer(name, tuple(_rdata(kind, value) for value in found), True, False, 60)


def txt(*strings: str | bytes) -> Record:
    return "TXT", [each.encode() if isinstance(each, str) else each for each in strings]


def _rdata(kind: str, value: object) -> dns.rdata.Rdata:
    if kind == "TXT":
        assert isinstance(value, list)
        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, value or [b""])
    if kind == "MX":
        preference, host = value  # type: ignore[misc]
        return MX(dns.rdataclass.IN, dns.rdatatype.MX, preference, dns.name.from_text(host or "."))
    return dns.rdata.from_text(
        "IN", kind, str(value).rstrip(".") + ("." if kind in ("PTR", "CNAME", "SRV") else "")
    )

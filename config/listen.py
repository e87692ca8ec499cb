"""Where a door listens, and the kinds of number that all doors have."""

from typing import Annotated, Literal

from pydantic import Field

from config.values import ListenAddress, Network, Section, split_host_port

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
TlsMode = Literal["none", "starttls", "implicit"]
Workers = Annotated[int, Field(ge=1, le=64)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Listen(Section):
    """One address to listen on."""

    address: ListenAddress = Field(
        description="IP address and port, such as `0.0.0.0:143` or `[::]:143`; port 0 takes a free one."
    )
    tls: TlsMode = Field(
        default="starttls",
        description="`implicit`: TLS from the first byte; `starttls`: in the clear until the client asks;"
        " `none`: TLS is not offered.",
    )
    tls_minimum: TlsVersion | None = Field(
        default=None,
        description="The oldest version of TLS on this address, where it differs from `tls.minimum`.",
    )

    @property
    def path(self) -> str | None:
        """Where a Unix socket lies; None for an address and a port."""
        return None

    @property
    def host(self) -> str:
        """The address without port and brackets."""
        return split_host_port(self.address)[0]

    @property
    def port(self) -> int:
        return split_host_port(self.address)[1]


class ProxiedListen(Listen):
    """One address to listen on, in front of which a load balancer may stand."""

    proxy_from: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks of load balancers, each of whose connections begins with who the client"
        " is (PROXY protocol, version 1 or 2); from them nothing else is taken, and from nobody else this.",
    )

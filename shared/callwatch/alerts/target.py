"""Where a notification may go: the addresses of a host, and which of them are nobody's but ours."""

import ipaddress
import socket
from collections.abc import Sequence

from callwatch.alerts.failure import DeliveryFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses carried inside of IPv6 ones: those of NAT64 (RFC 6052) and the compatible ones of old (RFC 4291).
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
# Not for the public, though not every version of Python's ipaddress says so.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata service lives here
        "192.88.99.0/24",  # 6to4 relays
        "64:ff9b:1::/48",  # NAT64 of local use
        "100::/64",  # discarded
        "2001::/23",  # protocol assignments, Teredo among them
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)


def addresses_of(host: str, port: int, allowed: Sequence[Network], is_public_only: bool) -> list[str]:
    """The host's addresses in the resolver's order.

    is_public_only: one private, loopback, link-local or otherwise special address among them that no network of
    `allowed` holds refuses them all. Raises DeliveryFailed; OSError where the name cannot be resolved.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if is_public_only and not all(is_admitted(address, allowed) for address in found):
        raise DeliveryFailed(
            "the target is on a private address; WEBHOOK_ALLOWED_NETWORKS admits networks",
            is_permanent=True,
            is_channel_wide=True,
        )
    return list(dict.fromkeys(found))


def is_admitted(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an address is public, or inside of a network that was admitted. An address with a zone never is public."""
    text, _percent, zone = address.partition("%")
    ip = ipaddress.ip_address(text)
    inner = _carried_by(ip)
    if any(one.version == network.version and one in network for one in (ip, inner) if one for network in allowed):
        return True
    return not zone and _is_public(inner or ip)


def _carried_by(ip: Address) -> ipaddress.IPv4Address | None:
    if not isinstance(ip, ipaddress.IPv6Address):
        return None
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if any(ip in network for network in _CARRIERS) else None


def _is_public(ip: Address) -> bool:
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local
    is_listed = any(ip.version == network.version and ip in network for network in _NOT_PUBLIC)
    return ip.is_global and not is_special and not is_listed

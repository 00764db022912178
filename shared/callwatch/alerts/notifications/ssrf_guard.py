"""Guards against server-side request forgery: decides which addresses a notification may be sent to."""

import ipaddress
from collections.abc import Sequence

from callwatch.alerts.notifications.delivery_failed import DeliveryFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses inside IPv6 ones: NAT64 (RFC 6052) and the old compatible ones (RFC 4291).
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
# Not public, although some versions of Python's ipaddress say so.
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


def refuse_private(addresses: Sequence[str], allowed: Sequence[Network]) -> None:
    """Raise DeliveryFailed if one of a target's addresses is private, loopback, link-local or otherwise special.

    allowed: networks whose addresses are admitted nevertheless. One bad address rejects the whole target, since the
    resolver chooses which address a request reaches.
    """
    if not all(is_admitted(address, allowed) for address in addresses):
        raise DeliveryFailed(
            "the target has a private address; add its network to WEBHOOK_ALLOWED_NETWORKS to allow it",
            is_permanent=True,
            is_channel_wide=True,
        )


def is_admitted(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an address is public or in an allowed network. An address with a zone is never public."""
    text, _percent, zone = address.partition("%")
    ip = ipaddress.ip_address(text)
    inner = _find_carried(ip)
    if any(one.version == network.version and one in network for one in (ip, inner) if one for network in allowed):
        return True
    return not zone and _is_public(inner or ip)


def _find_carried(ip: Address) -> ipaddress.IPv4Address | None:
    if not isinstance(ip, ipaddress.IPv6Address):
        return None
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if any(ip in network for network in _CARRIERS) else None


def _is_public(ip: Address) -> bool:
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local
    is_listed = any(ip.version == network.version and ip in network for network in _NOT_PUBLIC)
    return ip.is_global and not is_special and not is_listed

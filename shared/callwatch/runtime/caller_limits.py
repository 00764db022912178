"""Limits the requests of each caller: a bucket for each address without a valid token, and for each token.

The buckets are in the memory of one execution environment, so the limits hold per environment. Callers without a valid
token never use up the limits of callers with one.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Caller = Literal["anonymous", "failed", "viewer", "admin", "ingest", "upload"]
# Beyond this many callers, the one not seen for the longest time starts again with a full bucket.
MAX_CALLERS = 10_000
# The network of one household or machine in IPv6.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` requests a second, `burst` at once."""

    rate: float
    burst: float


# "failed" is a request with an unknown token.
LIMITS: Mapping[Caller, Limit] = {
    "anonymous": Limit(20, 200),
    "failed": Limit(2, 100),
    "viewer": Limit(200, 600),
    "admin": Limit(200, 600),
    "ingest": Limit(1000, 2000),
    "upload": Limit(50, 200),
}
# All callers without a valid token together.
STRANGERS = Limit(100, 500)


class TokenBucket:
    """Holds at most `burst` tokens, and gains `rate` of them a second."""

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit, self._tokens, self._at = limit, limit.burst, now

    def take(self, now: float) -> float:
        """Take a token and return 0, or return the seconds until the next one."""
        self._tokens = min(self._limit.burst, self._tokens + max(0.0, now - self._at) * self._limit.rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._limit.rate
        self._tokens -= 1
        return 0.0


class CallerLimits:
    """The buckets of one execution environment, which serves one request at a time."""

    def __init__(self, limits: Mapping[Caller, Limit] = LIMITS, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: OrderedDict[tuple[Caller, str], TokenBucket] = OrderedDict()
        self._strangers = TokenBucket(STRANGERS, clock())

    def take(self, caller: Caller, name: str) -> int:
        """Return 0 if this caller may pass now, otherwise the whole seconds until it may try again.

        name: the caller's address, or the owner of its token.
        """
        now = self._clock()
        if caller in ("anonymous", "failed"):
            waits_s = self._get_bucket(caller, read_network(name), now).take(now) or self._strangers.take(now)
        else:
            waits_s = self._get_bucket(caller, name, now).take(now)
        return math.ceil(waits_s)

    def _get_bucket(self, caller: Caller, name: str, now: float) -> TokenBucket:
        key = (caller, name)
        bucket = self._buckets.pop(key, None) or TokenBucket(self._limits[caller], now)
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return bucket


def read_network(address: str) -> str:
    """Return what counts as one address: the address in IPv4, its /64 in IPv6; "unknown" for anything else."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _IPV6_PREFIX), strict=False))

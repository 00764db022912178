"""Detects that our own network is down: most external services are unreachable at once."""

from collections.abc import Sequence

from callwatch.models.check import CheckResult
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

# The signs of a broken network; a vendor that responds with an error, or rejects a key, was reached.
_UNREACHED = ("timeout", "unreachable")
# With a single service it is unclear whether the service or the network is down.
_MIN_SERVICES = 2
_TOO_FEW = Reason("not_configured", "fewer than two external services are configured")


def measure_network(results: Sequence[CheckResult]) -> list[Sample]:
    """network.unreached_ratio: the share of configured external services that did not respond in this cycle."""
    outside = [result for result in results if result.service != "database" and result.reason != "not_configured"]
    if len(outside) < _MIN_SERVICES:
        return [Sample("network.unreached_ratio", 0.0, detail=_TOO_FEW.message, gone=_TOO_FEW)]
    unreached = sorted(result.service for result in outside if result.reason in _UNREACHED)
    detail = f"{len(unreached)} of {len(outside)} services: {', '.join(unreached)}" if unreached else None
    return [Sample("network.unreached_ratio", len(unreached) / len(outside), detail=detail)]

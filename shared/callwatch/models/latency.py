"""Response times as log buckets: a fixed relative error at any scale, and sums that merge."""

import math
from collections.abc import Mapping

# Bucket b holds times in (GAMMA**(b-1), GAMMA**b] ms; its middle is off by (GAMMA-1)/(GAMMA+1) = 1 % at most.
GAMMA = 1.02
_LOG_GAMMA = math.log(GAMMA)
SMALLEST_MS = 0.01


def bucket_of(response_time_ms: float) -> int:
    """The bucket of a time in ms; times below 0.01 ms share one."""
    return math.ceil(math.log(max(response_time_ms, SMALLEST_MS)) / _LOG_GAMMA)


def value_of(bucket: int) -> float:
    """The time in ms that stands for a bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The time in ms below which `share` (0..1) of the requests stayed; None without requests."""
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return round(value_of(bucket), 2)
    return None

"""Response times as logarithmic buckets: a fixed relative error at any scale, and sums that merge."""

import math
from collections.abc import Mapping

# Bucket b holds times in (GAMMA**(b-1), GAMMA**b] ms; its middle is off by at most (GAMMA-1)/(GAMMA+1) = 1 %.
GAMMA = 1.02
_LOG_GAMMA = math.log(GAMMA)
MIN_MS = 0.01


def find_bucket(response_time_ms: float) -> int:
    """The bucket of a time in ms; times below 0.01 ms share one."""
    return math.ceil(math.log(max(response_time_ms, MIN_MS)) / _LOG_GAMMA)


def find_value(bucket: int) -> float:
    """The time in ms that represents a bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


def estimate_percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The time in ms that `share` (0..1) of the requests did not exceed; None without requests."""
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return round(find_value(bucket), 2)
    return None

"""Burn rates of the service level objectives for requests: under 1 % errors, 95 % within 3 s."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.request_histograms import RequestShares, read_shares_since
from callwatch.models.latency import find_bucket
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.models.slo import WINDOWS, compute_burn_rate

SLOW_MS = 3_000
BUDGETS: Mapping[str, tuple[Literal["errors", "slow"], float]] = {
    "slo.errors_burn": ("errors", 0.01),
    "slo.latency_burn": ("slow", 0.05),
}
# With fewer requests, a single failure would weigh too much.
_MIN_REQUESTS = 100
_TOO_FEW = Reason("no_traffic", "too few requests to show that it is over")
_BY_HOUR_FROM = timedelta(hours=6)


def read_request_burn_samples(conn: AnyConnection, now: datetime) -> list[Sample]:
    """slo.errors_burn and slo.latency_burn by window; one with too few requests abstains."""
    shares = _read_shares(conn, now)
    samples = []
    for window, (long, short) in WINDOWS.items():
        if shares[long]["count"] < _MIN_REQUESTS:
            samples += [Sample(metric, None, labels={"window": window}, inconclusive=_TOO_FEW) for metric in BUDGETS]
            continue
        doubt = None if shares[short]["count"] else _TOO_FEW
        for metric, (kind, budget) in BUDGETS.items():
            of_long, of_short = (_compute_share(shares[span], kind) for span in (long, short))
            rate = round(compute_burn_rate(of_long, of_short, budget), 2)
            samples.append(Sample(metric, rate, None, {"window": window}, f"window {window}", inconclusive=doubt))
    return samples


def _compute_share(found: RequestShares, kind: Literal["errors", "slow"]) -> tuple[int, int]:
    """The requests of a kind, and those of which it is known whether they are of it."""
    return found[kind], found["count"] - (found["unsettled"] if kind == "errors" else 0)


def _read_shares(conn: AnyConnection, now: datetime) -> dict[timedelta, RequestShares]:
    """Counts by length of window: short ones from minutes, those of 6 hours or more from whole hours."""
    spans = {span for pair in WINDOWS.values() for span in pair}
    found: dict[timedelta, RequestShares] = {}
    for by_hour in (False, True):
        sinces = {_begin(now - span, by_hour): span for span in spans if (span >= _BY_HOUR_FROM) == by_hour}
        rows = read_shares_since(conn, list(sinces), find_bucket(SLOW_MS), by_hour)
        found |= {sinces[since]: row for since, row in rows.items()}
    return found


def _begin(when: datetime, by_hour: bool) -> datetime:
    return when.replace(minute=0 if by_hour else when.minute, second=0, microsecond=0)

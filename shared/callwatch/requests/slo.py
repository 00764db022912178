"""Burn rates of the owners' targets on requests: under 1 % errors, 95 % within 3 s."""

from datetime import datetime, timedelta

from callwatch.db.connect import AnyConnection
from callwatch.db.request_histograms import shares_since
from callwatch.models.facts import Fact
from callwatch.models.latency import bucket_of
from callwatch.models.slo import WINDOWS, burn_rate

SLOW_MS = 3_000
BUDGETS = {"slo.errors_burn": ("errors", 0.01), "slo.latency_burn": ("slow", 0.05)}
# With fewer requests one that failed would weigh too much.
_FEWEST = 100
_BY_HOUR_FROM = timedelta(hours=6)


def request_burn_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """slo.errors_burn and slo.latency_burn by window; none of a window with too few requests to judge."""
    shares = _shares(conn, now)
    facts = []
    for window, (long, short) in WINDOWS.items():
        if shares[long]["count"] < _FEWEST:
            continue
        for metric, (kind, budget) in BUDGETS.items():
            of_long, of_short = ((shares[span][kind], shares[span]["count"]) for span in (long, short))
            rate = round(burn_rate(of_long, of_short, budget), 2)
            facts.append(Fact(metric, rate, None, {"window": window}, f"window {window}"))
    return facts


def _shares(conn: AnyConnection, now: datetime) -> dict[timedelta, dict[str, int]]:
    """Counts by length of window: short ones by minutes, from 6 hours on by whole hours."""
    spans = {span for pair in WINDOWS.values() for span in pair}
    found: dict[timedelta, dict[str, int]] = {}
    for by_hour in (False, True):
        sinces = {_begin(now - span, by_hour): span for span in spans if (span >= _BY_HOUR_FROM) == by_hour}
        rows = shares_since(conn, list(sinces), bucket_of(SLOW_MS), by_hour)
        found |= {sinces[since]: row for since, row in rows.items()}
    return found


def _begin(when: datetime, by_hour: bool) -> datetime:
    return when.replace(minute=0 if by_hour else when.minute, second=0, microsecond=0)

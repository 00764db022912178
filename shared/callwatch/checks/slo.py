"""Samples of probes over time: burn rates of the owners' uptime target (99.9 %), and flapping."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_results import FailureRuns, count_failed_since, count_failure_runs
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.models.slo import WINDOWS, compute_burn_rate
from callwatch.settings import get_settings

BUDGET = 0.001
# With fewer results a single one would weigh too much.
_MIN_CHECKED = 30
# One or two failed probes may be the monitor's own problem; from three on, all of them count.
_MIN_FAILED = 3
_TOO_FEW = Reason("no_traffic", "too few probes to show that it is over")
FLAPPING_WINDOW = timedelta(minutes=10)
_MIN_PROBES = 6


def measure_uptime_burn(conn: AnyConnection, now: datetime) -> list[Sample]:
    """slo.uptime_burn by window, for the owners' service with the most failures; it abstains with too few results.

    These are the database and the services of HTTP_CHECKS; vendors have rules of their own.
    """
    services = ["database", *(check["name"] for check in get_settings().http_checks)]
    sinces = {span: now - span for pair in WINDOWS.values() for span in pair}
    rows = count_failed_since(conn, sorted(set(sinces.values())), services, now)
    counts = {(row["service"], row["since"]): (row["failed"], row["checked"]) for row in rows}
    samples = []
    for window, (long, short) in WINDOWS.items():
        rates = {
            service: _compute_burn_rate(counts, service, sinces[long], sinces[short])
            for service in services
            if counts.get((service, sinces[long]), (0, 0))[1] >= _MIN_CHECKED
        }
        if not rates:
            samples.append(Sample("slo.uptime_burn", None, labels={"window": window}, inconclusive=_TOO_FEW))
        else:
            worst = max(rates, key=lambda service: rates[service])
            detail = f"{worst}, window {window}" if rates[worst] else f"window {window}"
            is_probed = any(counts.get((service, sinces[short]), (0, 0))[1] for service in rates)
            samples.append(
                Sample(
                    "slo.uptime_burn",
                    round(rates[worst], 2),
                    None,
                    {"window": window},
                    detail,
                    inconclusive=None if is_probed else _TOO_FEW,
                )
            )
    return samples


def measure_flapping(conn: AnyConnection, now: datetime) -> list[Sample]:
    """service.flapping_ratio of each service; it abstains with too few probes in the last 10 minutes.

    The share of failed probes if they failed in at least two separate runs, otherwise 0: one outage is not flapping.
    """
    return [_build_flapping_sample(row) for row in count_failure_runs(conn, now - FLAPPING_WINDOW, now)]


def _build_flapping_sample(row: FailureRuns) -> Sample:
    if row["checked"] < _MIN_PROBES:
        return Sample("service.flapping_ratio", None, labels={"service": row["service"]}, inconclusive=_TOO_FEW)
    ratio = row["failed"] / row["checked"] if row["runs"] >= 2 else 0.0
    detail = f"{row['failed']} of {row['checked']} probes failed in 10 minutes" if ratio else None
    return Sample("service.flapping_ratio", round(ratio, 3), None, {"service": row["service"]}, detail)


def _compute_burn_rate(
    counts: Mapping[tuple[str, datetime], tuple[int, int]], service: str, since: datetime, short_since: datetime
) -> float:
    long, short = counts[service, since], counts.get((service, short_since), (0, 0))
    return compute_burn_rate(long, short, BUDGET) if long[0] >= _MIN_FAILED else 0.0

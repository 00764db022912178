"""Samples of probes over time: burn rates of the owners' uptime target (99.9 %), and flapping."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_results import FailureRuns, count_failure_runs
from callwatch.db.queries.failed_probes import FailedRow, count_failed_since
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.models.slo import WINDOWS, compute_burn_rate
from callwatch.settings import get_settings

BUDGET = 0.001
# With fewer results a single one would weigh too much.
_MIN_CHECKED = 30
# One or two failed probes may be the monitor's own problem; from three on, all of them count.
_MIN_FAILED = 3
# Rules about an outage of such a service, and the windows of the rule that pages.
_OUTAGES = ("database_health", "service_down")
_PAGES = ("1h_5m", "6h_30m")
_MINUTE = timedelta(minutes=1)
_TOO_FEW = Reason("no_traffic", "too few probes to show that it is over")
FLAPPING_WINDOW = timedelta(minutes=10)
_MIN_PROBES = 6


def measure_uptime_burn(conn: AnyConnection, now: datetime) -> list[Sample]:
    """slo.uptime_burn by window, for the owners' service with the most failures; it abstains with too few results.

    These are the database and the services of HTTP_CHECKS; vendors have rules of their own. The rate is what is certain: time
    that was not measured counts as good, and the sample is no all-clear while the rate might be more. The windows that page
    leave out what an alert of its own was about, since the budget that an outage spent is part of that outage.
    """
    services = ["database", *(check["name"] for check in get_settings().http_checks)]
    sinces = {span: now - span for pair in WINDOWS.values() for span in pair}
    rows = count_failed_since(conn, sorted(set(sinces.values())), services, _OUTAGES, now)
    found = {(row["service"], row["since"]): row for row in rows}
    return [_build_burn_sample(found, services, window, now) for window in WINDOWS]


def _build_burn_sample(
    found: Mapping[tuple[str, datetime], FailedRow], services: Sequence[str], window: str, now: datetime
) -> Sample:
    (long, short), labels = WINDOWS[window], {"window": window}
    burns = {
        service: _compute_burn(window, found[service, now - long], found.get((service, now - short)))
        for service in services
        if (service, now - long) in found and found[service, now - long]["checked"] >= _MIN_CHECKED
    }
    if not burns:
        return Sample("slo.uptime_burn", None, labels=labels, inconclusive=_TOO_FEW)
    worst = max(burns, key=lambda service: burns[service])
    least, most = burns[worst]
    is_probed = any((service, now - short) in found for service in burns)
    watched = round(found[worst, now - long]["watched_s"] / 60)
    part = Reason("not_recorded", f"only {watched:,} of {round(long / _MINUTE):,} minutes of the window are known")
    doubt = _TOO_FEW if not is_probed else part if most > least else None
    detail = f"{worst}, window {window}" if least else f"window {window}"
    return Sample("slo.uptime_burn", least, None, labels, detail, inconclusive=doubt)


def _compute_burn(window: str, long: FailedRow, short: FailedRow | None) -> tuple[float, float]:
    """Return the rate that is certain, and the rate if what was not measured was like what was."""
    is_page = window in _PAGES
    if short is None or long["apart" if is_page else "failed"] < _MIN_FAILED:
        return 0.0, 0.0
    bad: tuple[float, float] = (long["apart_s"], short["apart_s"]) if is_page else (long["failed_s"], short["failed_s"])
    spans = WINDOWS[window]
    least = compute_burn_rate((bad[0], spans[0].total_seconds()), (bad[1], spans[1].total_seconds()), BUDGET)
    most = compute_burn_rate((bad[0], long["watched_s"]), (bad[1], short["watched_s"]), BUDGET)
    return round(least, 2), round(max(least, most), 2)


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

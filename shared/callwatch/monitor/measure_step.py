"""The step `measure`: reads every source of samples; a failing one only makes its own metrics unknown."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.rules.metrics import METRICS
from callwatch.checks.balances import NONE_YET, list_balance_samples, list_known
from callwatch.checks.slo import measure_flapping, measure_uptime_burn
from callwatch.client.measurement_errors import capture_measuring
from callwatch.counters.access import read_access_samples
from callwatch.counters.error_samples import read_error_samples
from callwatch.counters.performance import read_request_samples
from callwatch.counters.request_slo import read_request_burn_samples
from callwatch.crons.samples import read_check_in_samples
from callwatch.db import connection, product_connection
from callwatch.db.alert_queries.rule_states import read_firing_labels
from callwatch.db.core.connect import AnyConnection
from callwatch.db.product_queries.known_readings import keep_readings, list_lost
from callwatch.db.queries.stage_depths import keep_depths
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.monitor.archive_step import measure_expiring
from callwatch.monitor.cost_step import measure_costs
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.external_samples import read_external_samples
from callwatch.monitor.forecast_step import read_backlog_samples
from callwatch.monitor.own_samples import (
    measure_channels,
    measure_configuration,
    measure_dead_letters,
    measure_missed,
    measure_tracker,
    silence_samples,
)
from callwatch.pipeline.db_reachability import measure_product_database
from callwatch.pipeline.forecasts.samples import BACKLOG, QUOTA
from callwatch.pipeline.product import list_cycle_readings, select_for_cycle
from callwatch.pipeline.product import measure as measure_product
from callwatch.pipeline.queries.lost_readings import METRIC as LOST
from callwatch.pipeline.queries.lost_readings import list_failed, list_lost_samples, list_lost_sources, list_succeeded
from callwatch.pipeline.samples import METRICS as PRODUCT_METRICS
from callwatch.pipeline.samples import list_depths, list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import get_settings

_REACH = ("product_database.up",)
_FROM_QUEUE = ("errors.", "requests.", "access.", "slo.errors_burn", "slo.latency_burn")
# A source, after the prefixes of the metrics that it provides, which are unknown if it fails.
Source = tuple[tuple[str, ...], Callable[[], list[Sample]]]


def measure(cycle: Cycle, own_samples: Callable[[], list[Sample]]) -> Mapping[str, object]:
    """Read each source by itself: a failing one only makes its own metrics unknown."""
    # A database that does not respond now fails each source by itself, below.
    with contextlib.suppress(Exception), connection() as conn:
        cycle.firing = read_firing_labels(conn)
    pii_routes = get_settings().pii_routes or ()
    own: list[Source] = [
        (("runtime.",), own_samples),
        (("monitor.lost_errors",), measure_tracker),
        (("queue.waiting_age_s", "queue.archived_messages"), lambda: measure_expiring(cycle.state.expiring, cycle.now)),
        (("errors.",), lambda: _read_own(lambda conn, now: read_error_samples(conn, now, cycle.firing), cycle)),
        (("requests.",), lambda: _read_own(lambda conn, now: read_request_samples(conn, now, cycle.firing), cycle)),
        (("access.",), lambda: _read_own(lambda conn, now: read_access_samples(conn, now, pii_routes, cycle.firing), cycle)),
        (("slo.errors_burn", "slo.latency_burn"), lambda: _read_own(read_request_burn_samples, cycle)),
        (("slo.uptime_burn",), lambda: _read_own(measure_uptime_burn, cycle)),
        (("service.flapping_ratio",), lambda: _read_own(measure_flapping, cycle)),
        (("channel.",), lambda: _read_own(measure_channels, cycle)),
        (("configuration.",), lambda: _read_own(measure_configuration, cycle)),
        (("check_in.",), lambda: _read_own(lambda conn, _now: _read_check_ins(conn, cycle), cycle)),
        (("external.",), lambda: _read_own(lambda conn, now: read_external_samples(conn, now, cycle.firing), cycle)),
        (("balance.",), lambda: _read_own(_read_balances, cycle)),
        (("queue.dead_letters",), measure_dead_letters),
        (("monitor.silence_s",), lambda: _read_own(lambda conn, now: silence_samples(conn, now, _find_outage(cycle)), cycle)),
        (("monitor.missed_evaluations",), lambda: _read_own(lambda conn, _now: measure_missed(conn), cycle)),
    ]
    product: list[Source] = [
        (PRODUCT_METRICS, lambda: _read_product(cycle)),
        ((LOST,), lambda: _read_own(lambda conn, _now: _keep_product(conn, cycle), cycle)),
        (("cost.", QUOTA), lambda: measure_costs(cycle)),
        ((BACKLOG,), lambda: _read_own(read_backlog_samples, cycle)),
    ]
    failures = _read_all(cycle, own)
    if cycle.uncounted:
        cycle.samples += _doubt_counts(cycle.samples, cycle.uncounted)
    failures += _read_all(cycle, [(_REACH, measure_product_database)])
    if any(sample.metric in _REACH and sample.value == 1.0 for sample in cycle.samples):
        failures += _read_all(cycle, product)
    else:
        # The rule about the product's database covers it; trying each of its metrics would only cost time.
        cycle.unread += tuple(prefix for prefixes, _source in product for prefix in prefixes)
    if failures:
        raise failures[0]
    return {"samples": len(cycle.samples)}


def _doubt_counts(samples: Sequence[Sample], reason: str) -> list[Sample]:
    """Mark metrics of errors and requests as unknown too, as a whole and each labeled part. The stored ones may still fire a
    rule but cannot clear it, since more was accepted than is counted."""
    parts = [(sample.metric, sample.labels) for sample in samples if sample.labels]
    all_of = [*((metric, {}) for metric in METRICS), *parts]
    why = Reason("unavailable", reason)
    return [Sample(metric, None, why, labels) for metric, labels in all_of if metric.startswith(_FROM_QUEUE)]


def _read_all(cycle: Cycle, sources: list[Source]) -> list[Exception]:
    failures: list[Exception] = []
    for prefixes, read in sources:
        try:
            cycle.samples += read()
        except Exception as error:
            cycle.unread += prefixes
            failures.append(error)
    return failures


def _read_own(read: Callable[[Any, Any], list[Sample]], cycle: Cycle) -> list[Sample]:
    with connection() as conn:
        return read(conn, cycle.now)


def _find_outage(cycle: Cycle) -> datetime | None:
    outage = cycle.state.database_outage.find_current()
    return datetime.fromisoformat(outage["since"]) if outage is not None else None


def _read_check_ins(conn: Any, cycle: Cycle) -> list[Sample]:
    """Judge jobs by what is stored: while check-ins may wait in the queue, none of them is missed."""
    waiting = [sample.value for sample in cycle.samples if sample.metric == "queue.oldest_message_s" and sample.value]
    stored_until = cycle.now - timedelta(seconds=max(waiting, default=0.0))
    return read_check_in_samples(conn, stored_until, cycle.firing, cycle.uncounted)


def _read_balances(conn: AnyConnection, now: datetime) -> list[Sample]:
    if not get_settings().deepgram_api_key:
        return []
    return list_balance_samples(list_known(conn, now, unasked=NONE_YET))


def _read_product(cycle: Cycle) -> list[Sample]:
    settings = get_settings()
    stages = get_stages(settings.stages_file)
    with product_connection() as conn:
        cycle.product = measure_product(conn, cycle.now, settings.timezone, stages, select_for_cycle(stages))
    capture_measuring(cycle.product.errors)
    return list_product_samples(stages, cycle.product, cycle.firing)


def _keep_product(conn: AnyConnection, cycle: Cycle) -> list[Sample]:
    """Store the depths of the queues for the charts, and what could be read; sample what was known once and is lost."""
    stages = get_stages(get_settings().stages_file)
    if cycle.product is None:
        return []
    keep_depths(conn, cycle.now, list_depths(stages, cycle.product))
    readings = list_cycle_readings(stages)
    keep_readings(conn, cycle.now, list_succeeded(readings, cycle.product), list_failed(readings, cycle.product))
    conn.commit()
    return list(list_lost_samples(list_lost_sources(list_lost(conn, cycle.now))))

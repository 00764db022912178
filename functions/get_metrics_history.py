"""GET /api/metrics/history: time series of queues, errors, requests, services or one route for the charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import parse_choice, read_text_filter, read_time_filter
from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_HISTORY
from callwatch.exceptions import Invalid
from callwatch.reports.history import METRICS, build_history
from callwatch.reports.ranges import BEFORE, RANGES, STEPS_S, Range, take_free, take_named
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.history import History, Metric

_STEPS = [str(step_s) for step_s in STEPS_S]
# Metrics of one route or rule, which is given under the same name.
_NAMED: tuple[Metric, ...] = ("route", "rule")
_METRICS: tuple[Metric, ...] = (*METRICS, *_NAMED)


def handle(request: Request) -> History:
    """`?metric=` queues (default), errors, requests, services, route with `&route=`, or rule with `&rule=`; `?range=` 1h to 90d
    (default 24h), or `?from=&to=`; `?before=` now, 1d or 7d; `?step=` the least length of a step in s.
    """
    metric = parse_choice("metric", request.query.get("metric", "queues"), _METRICS)
    given = {name: read_text_filter(request, name) for name in _NAMED}
    for name, value in given.items():
        if (metric == name) != (value is not None):
            raise Invalid(name, f"must be given with metric={name}, and only with it")
    now = datetime.now(UTC)
    return build_history(now, metric, _read_range(request, now), given.get(metric))


def _read_range(request: Request, now: datetime) -> Range:
    before = BEFORE[parse_choice("before", request.query.get("before", "now"), BEFORE)]
    least_step_s = int(parse_choice("step", request.query.get("step", _STEPS[0]), _STEPS))
    since, until = read_time_filter(request, "from"), read_time_filter(request, "to")
    if since is None and until is None:
        return take_named(now, parse_choice("range", request.query.get("range", "24h"), RANGES), before, least_step_s)
    if since is None or until is None or "range" in request.query:
        raise Invalid("from", "must be given together with `to`, and without `range`")
    return take_free(now, since, until, before, least_step_s)


lambda_handler = endpoint(GET_METRICS_HISTORY)(handle)

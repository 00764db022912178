"""The jobs as samples for the rules: of those that fail, and of those whose alert may end."""

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta

from callwatch.crons.monitors import Monitor, read_monitors
from callwatch.crons.verdict import KINDS, Kind
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_ins import MAX_MONITORS, list_refused
from callwatch.models.label_index import LabelIndex, hash_labels, index_labels
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

Labels = dict[str, str]
_REFUSED_WITHIN = timedelta(hours=1)
_NO_MONITOR = Reason("none", "its monitor is not kept any more")
# What follows from the absence of a check-in is not known while some may wait in the queue.
_BY_ABSENCE: tuple[Kind, ...] = ("missed", "overrun")


def read_check_in_samples(
    conn: AnyConnection, now: datetime, firing: Mapping[str, Sequence[Labels]], uncounted: str | None = None
) -> list[Sample]:
    """check_in.missed, .failed and .overrun of each failing job, and 0 for each that recovered.

    One failure is one alert: a job that fires under one kind stays there until it recovers, whatever happens to it next.
    now: the time up to which all check-ins are stored. uncounted: why that is not known.
    """
    samples: list[Sample] = []
    known = set()
    fired = index_labels(firing)
    for monitor in read_monitors(conn, now):
        known.add(hash_labels(_build_labels(monitor)))
        samples += _sample_monitor(monitor, fired)
    samples += _list_gone(known, firing)
    if uncounted is not None:
        why = Reason("unavailable", uncounted)
        by_absence = tuple(_name_metric(kind) for kind in _BY_ABSENCE)
        samples = [sample for sample in samples if sample.metric not in by_absence and sample.value != 0]
        samples += [Sample(_name_metric(kind), None, why) for kind in KINDS]
    else:
        samples += [Sample(name, 0.0) for name in map(_name_metric, KINDS) if all(each.metric != name for each in samples)]
    return [*samples, *_sample_refused(conn, now)]


def _sample_monitor(monitor: Monitor, fired: LabelIndex) -> Iterator[Sample]:
    labels = _build_labels(monitor)
    verdict = monitor.verdict
    own = hash_labels(labels)
    fires_as = next((kind for kind in KINDS if own in fired.get(_name_metric(kind), ())), None)
    kind = fires_as or verdict.kind
    if verdict.is_failing and kind is not None:
        detail = verdict.problem or f"runs again; {monitor.job.recovery_threshold} successes in a row end the alert"
        yield Sample(_name_metric(kind), float(max(1, verdict.count)), None, labels, detail, verdict.since)
    elif fires_as is not None:
        yield Sample(_name_metric(fires_as), 0.0, None, labels, "runs again")
    if verdict.schedule_error is not None:
        yield Sample("check_in.schedule_invalid", 1.0, None, labels, verdict.schedule_error)


def _build_labels(monitor: Monitor) -> Labels:
    return {"monitor": monitor.slug, "environment": monitor.environment, "project": str(monitor.project_id)}


def _list_gone(known: Set[Hashable], firing: Mapping[str, Sequence[Labels]]) -> list[Sample]:
    """A firing job whose monitor is not kept any more is gone, under each metric that it fires by."""
    metrics = (*map(_name_metric, KINDS), "check_in.schedule_invalid")
    return [
        Sample(metric, None, labels=labels, gone=_NO_MONITOR)
        for metric in metrics
        for labels in firing.get(metric, ())
        if hash_labels(labels) not in known
    ]


def _sample_refused(conn: AnyConnection, now: datetime) -> Iterator[Sample]:
    refused = list_refused(conn, now - _REFUSED_WITHIN)
    for row in refused:
        detail = f"more than {MAX_MONITORS} monitors; {row['slug']} is not kept"
        yield Sample("check_in.refused", 1.0, None, {"project": str(row["project_id"])}, detail, row["last_at"])
    if not refused:
        yield Sample("check_in.refused", 0.0)


def _name_metric(kind: Kind) -> str:
    return f"check_in.{kind}"

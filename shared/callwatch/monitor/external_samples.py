"""Alerts of other monitors as samples: one metric for each level, so that each level has a rule with its channels."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from callwatch.alerts.rules.sanitize import clean_labels
from callwatch.db.alert_queries.external_alerts import MAX_ALERTS, MAX_READ, AlertRow, list_recent_alerts, list_refused_alerts
from callwatch.db.core.connect import AnyConnection
from callwatch.models.alert import AlertLevel
from callwatch.models.label_index import LabelIndex, hash_labels, index_labels
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

Labels = dict[str, str]
# How long the end of an alert is reported, so that the notification about it can say when it ended.
_ENDED_WITHIN = timedelta(minutes=30)
_REFUSED_WITHIN = timedelta(hours=1)
_NOT_KEPT = Reason("none", "neither the alert nor its end is kept any more")


def read_external_samples(conn: AnyConnection, now: datetime, firing: Mapping[str, Sequence[Labels]]) -> list[Sample]:
    """external.<level>: 1 for each alert that fires elsewhere, 0 for one that ended there and still fires here."""
    samples: list[Sample] = []
    rows = list_recent_alerts(conn, now, now - _ENDED_WITHIN)
    fired = index_labels(firing)
    for row in rows:
        samples += _sample_alert(row, fired)
    if len(rows) < MAX_READ:
        samples += _list_gone(rows, firing)
    for name in (f"external.{level}" for level in AlertLevel):
        if all(sample.metric != name for sample in samples):
            samples.append(Sample(name, 0.0))
    return [*samples, *_sample_refused(conn, now)]


def _sample_alert(row: AlertRow, fired: LabelIndex) -> Iterator[Sample]:
    metric, labels = f"external.{row['level']}", _build_labels(row)
    has_fired = hash_labels(clean_labels(labels)) in fired.get(metric, ())
    if row["is_firing"]:
        yield Sample(metric, 1.0, None, labels, row["summary"], row["starts_at"])
    elif row["is_expired"]:
        if has_fired:
            yield Sample(metric, None, labels=labels, gone=Reason("none", f"{row['source']} does not repeat it any more"))
    elif has_fired:
        yield Sample(metric, 0.0, None, labels, f"ended at {row['source']}")


def _build_labels(row: AlertRow) -> Labels:
    return {**row["labels"], **({} if row["project_id"] == 1 else {"project": str(row["project_id"])})}


def _list_gone(rows: Sequence[AlertRow], firing: Mapping[str, Sequence[Labels]]) -> Iterator[Sample]:
    """An alert that is not kept any more, neither as firing nor as ended, is gone."""
    known = {hash_labels(clean_labels(_build_labels(row))) for row in rows}
    for metric in (f"external.{level}" for level in AlertLevel):
        for labels in firing.get(metric, ()):
            if hash_labels(labels) not in known:
                yield Sample(metric, None, labels=labels, gone=_NOT_KEPT)


def _sample_refused(conn: AnyConnection, now: datetime) -> Iterator[Sample]:
    refused = list_refused_alerts(conn, now - _REFUSED_WITHIN)
    for row in refused:
        detail = f"more than {MAX_ALERTS} alerts at once"
        yield Sample("external.refused", 1.0, None, {"project": str(row["project_id"])}, detail, row["last_at"])
    if not refused:
        yield Sample("external.refused", 0.0)

"""Maintenance: which services are in it, now or at each minute of an outage."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.silences import find_window, load_silence
from callwatch.db.alert_queries.silences import SilenceRow, list_maintenance_between
from callwatch.db.core.connect import AnyConnection

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Service:
    """A service as the subject of a silence that names no rule."""

    labels: Mapping[str, str]
    rule_id: str = ""


def find_in_maintenance(conn: AnyConnection, services: Iterable[str], now: datetime) -> set[str]:
    """Return those of the services that are in maintenance now."""
    rows = list_maintenance_between(conn, now, now)
    return {service for service in services if _is_covered(rows, service, now)}


def list_spans(conn: AnyConnection, service: str, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, bool]]:
    """Split a span into parts that are within maintenance of a service or outside of it, by minutes from its start."""
    rows = list_maintenance_between(conn, since, until)
    begin, at, is_within = since, since, _is_covered(rows, service, since)
    while at < until:
        at = min(at + _MINUTE, until)
        found = _is_covered(rows, service, at)
        if at == until or found != is_within:
            yield begin, at, is_within
            begin, is_within = at, found


def _is_covered(rows: Sequence[SilenceRow], service: str, at: datetime) -> bool:
    for row in rows:
        silence = load_silence(row)
        if silence is not None and silence.matches(_Service({"service": service})) and find_window(row, at) is not None:
            return True
    return False

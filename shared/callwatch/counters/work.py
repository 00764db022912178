"""Runs of functions and jobs, next to the requests: how many, how many failed, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.ingest_queries.ingest_counts import count_uncounted, find_hour
from callwatch.db.ingest_queries.work_histograms import WorkRow, read_work_between, sum_work
from callwatch.models.latency import estimate_percentile
from callwatch.models.reason import NO_TRAFFIC, Reason

if TYPE_CHECKING:
    from callwatch.models.shapes.system import Work, WorkByName

# Jobs run seldom: the five minutes of the requests would often be empty.
WINDOW = timedelta(hours=1)
_NAMES_SHOWN = 20


def read_work(conn: AnyConnection, now: datetime) -> Work:
    """The runs of the last hour, the most frequent names first."""
    since, until = _compute_window(now)
    totals = sum_work(conn, since, until)
    rows: dict[tuple[str, str], list[WorkRow]] = {}
    for row in read_work_between(conn, since, until, _NAMES_SHOWN):
        rows.setdefault((row["kind"], row["name"]), []).append(row)
    by_name = [_summarize(found) for found in rows.values()]
    by_name.sort(key=lambda entry: (-entry["runs"], entry["kind"], entry["name"]))
    return {"runs_last_hour": totals["runs"], "failures_last_hour": totals["failures"], "by_name": by_name}


def explain_no_requests(conn: AnyConnection, now: datetime) -> Reason:
    """Why there is no request in the window: no traffic, or traces that are none."""
    uncounted = count_uncounted(conn, find_hour(now - WINDOW))
    runs = sum_work(conn, *_compute_window(now))["runs"]
    if uncounted:
        rest = f"; runs of functions and jobs, which work counts: {runs}" if runs else ""
        message = f"no request in the window; traces of this hour and the last that are none: {uncounted}{rest}"
        return Reason("not_recorded", message)
    if runs:
        return Reason("none", f"no request in the window; runs of functions and jobs in the last hour, which work counts: {runs}")
    return NO_TRAFFIC


def _compute_window(now: datetime) -> tuple[datetime, datetime]:
    # A client's clock may be slightly ahead of ours.
    return (now - WINDOW).replace(second=0, microsecond=0), now + timedelta(minutes=1)


def _summarize(rows: Iterable[WorkRow]) -> WorkByName:
    counts: Counter[int] = Counter()
    failures, total_ms, kind, name = 0, 0.0, "", ""
    for row in rows:
        counts[row["bucket"]] += row["count"]
        failures += row["failures"]
        total_ms += row["total_ms"]
        kind, name = row["kind"], row["name"]
    runs = counts.total()
    return {
        "kind": "function" if kind == "function" else "job",
        "name": name,
        "runs": runs,
        "failures": failures,
        "failure_rate": failures / runs,
        "avg_ms": round(total_ms / runs, 2),
        "p50_ms": estimate_percentile(counts, 0.5),
        "p95_ms": estimate_percentile(counts, 0.95),
    }

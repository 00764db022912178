"""Samples of access to personal data: the share of answered requests that have a record, by route of PII_ROUTES."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.report_queries.access_minutes import sum_counts
from callwatch.models.sample import Sample
from callwatch.settings.pii_routes import PiiRoute

LOGGED_RATIO = "access.logged_ratio"
WINDOW = timedelta(hours=1)
# A request and its record are sent separately, and may arrive in different minutes.
SETTLED_AFTER = timedelta(minutes=2)


def read_access_samples(
    conn: AnyConnection,
    now: datetime,
    routes: Sequence[PiiRoute],
    firing: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> list[Sample]:
    """access.logged_ratio of each route with requests in the hour; a firing route without requests is reported as such."""
    until = (now - SETTLED_AFTER).replace(second=0, microsecond=0)
    sums = sum_counts(conn, until - WINDOW, until)
    samples = []
    for route in routes:
        found = sums.get(route.name)
        if found is None or not found["answered"]:
            continue
        # One request may have records under several request ids, which must not hide another without any.
        logged = min(found["logged"], found["answered"])
        missing = found["answered"] - logged
        detail = f"{missing} of {found['answered']} requests to {route.name} have no record of access"
        samples.append(Sample(LOGGED_RATIO, logged / found["answered"], None, {"route": route.name}, detail))
    shown = {sample.labels["route"] for sample in samples}
    silent = {labels["route"] for labels in (firing or {}).get(LOGGED_RATIO, ()) if "route" in labels} - shown
    return samples + [
        Sample(LOGGED_RATIO, 1.0, None, {"route": route}, "no request in the last hour") for route in sorted(silent)
    ]

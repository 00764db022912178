"""Samples of access to personal data: the share of answered requests that have a record, by route of PII_ROUTES."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.report_queries.access_minutes import sum_counts
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.settings.pii_routes import PiiRoute

LOGGED_RATIO = "access.logged_ratio"
WINDOW = timedelta(hours=1)
_NO_REQUEST = Reason("no_traffic", "the route had no request in the last hour")
_NOT_NAMED = Reason("not_configured", "PII_ROUTES does not name it any more")
# A request and its record are sent separately, and may arrive in different minutes.
SETTLED_AFTER = timedelta(minutes=2)


def read_access_samples(
    conn: AnyConnection,
    now: datetime,
    routes: Sequence[PiiRoute],
    firing: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> list[Sample]:
    """access.logged_ratio of each route with requests in the hour; a firing route without requests abstains.

    A firing route that PII_ROUTES does not name any more is gone.
    """
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
    watched = {route.name for route in routes}
    return samples + [_report_silent(route, route in watched) for route in sorted(silent)]


def _report_silent(route: str, is_watched: bool) -> Sample:
    if is_watched:
        return Sample(LOGGED_RATIO, None, labels={"route": route}, inconclusive=_NO_REQUEST)
    return Sample(LOGGED_RATIO, None, labels={"route": route}, gone=_NOT_NAMED)

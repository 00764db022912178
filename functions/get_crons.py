"""GET /api/crons: the product's jobs, from check-ins and from heartbeats, with their state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from callwatch.api.filters import read_choice_filter, read_number_filter, read_text_filter
from callwatch.api.http import Request, build_cursor_error, encode_cursor, read_page
from callwatch.api.routes import GET_CRONS
from callwatch.db import connection
from callwatch.db.queries.cycles import find_stored_until
from callwatch.models.reason import Reason
from callwatch.models.shapes.pipeline import CronSource, CronState
from callwatch.reports.crons import list_check_in_jobs, list_product_jobs
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.pipeline import CronJob, CronPage

_NOT_STORED = Reason("unavailable", "no cycle of the monitor has stored check-ins lately, so none is judged")


def handle(request: Request) -> CronPage:
    """Filters: state project environment source q. There are few jobs, so the default page holds 200."""
    page = read_page(request, default_limit=200)
    start = 0 if page.cursor is None else page.cursor
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise build_cursor_error()
    now = datetime.now(UTC)
    wanted = _read_filters(request)
    words = (read_text_filter(request, "q") or "").casefold()
    with connection(statement_timeout_ms=5000) as conn:
        as_of = find_stored_until(conn)
        jobs = list_check_in_jobs(conn, as_of)
    if wanted.get("source") != "check_in":
        jobs += list_product_jobs(get_settings(), now)
    found = sorted((job for job in jobs if _fits(job, wanted, words)), key=_sort_key)
    end = start + page.limit
    items = found[start:end]
    reasons = {f"items.{place}.{path}": why for place, item in enumerate(items) for path, why in item["unknown"].items()}
    if as_of is None:
        reasons["as_of"] = _NOT_STORED
    return {
        "timestamp": now,
        "as_of": as_of,
        "items": items,
        "next_cursor": encode_cursor(end) if end < len(found) else None,
        "unknown": reasons,
    }


def _read_filters(request: Request) -> dict[str, str | int]:
    given = {
        "state": read_choice_filter(request, "state", get_args(CronState)),
        "source": read_choice_filter(request, "source", get_args(CronSource)),
        "project_id": read_number_filter(request, "project"),
        "environment": read_text_filter(request, "environment"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _fits(job: CronJob, wanted: dict[str, str | int], words: str) -> bool:
    return all(job.get(name) == value for name, value in wanted.items()) and words in job["slug"].casefold()


def _sort_key(job: CronJob) -> tuple[str, int, str]:
    return job["slug"], job["project_id"] or 0, job["environment"] or ""


lambda_handler = endpoint(GET_CRONS)(handle)

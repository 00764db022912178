"""GET /status and its other forms: the public status page, from the monitor's snapshot and without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_STATUS_PAGE
from callwatch.exceptions import NotFound
from callwatch.reports.status_page.kept_snapshot import KeptSnapshot
from callwatch.reports.status_page.page import CONTENT_SECURITY_POLICY, render_badge, render_feed, render_page
from callwatch.reports.status_page.statuspage_api import build_incidents, build_summary, find_page_url
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Snapshot

KEPT = KeptSnapshot()


def handle(request: Request) -> Response[Any]:
    """The form that the path names. Raises NotFound while STATUS_PAGE_FILE does not switch the page on."""
    settings = get_settings()
    page = settings.status_page_file
    if page is None:
        raise NotFound("there is no public status page")
    snapshot = KEPT.load(settings.status_page_store, page, datetime.now(UTC))
    return _render(request.path, snapshot, find_page_url(settings))


def _render(path: str, snapshot: Snapshot, url: str) -> Response[Any]:
    # Status pages of others may read it.
    anybody = {"access-control-allow-origin": "*"}
    if path == "/api/v2/summary.json":
        return Response(200, build_summary(snapshot, url), anybody)
    if path == "/api/v2/incidents.json":
        return Response(200, build_incidents(snapshot, url), anybody)
    if path == "/status/feed.atom":
        return Response(200, render_feed(snapshot, url), {"content-type": "application/atom+xml; charset=utf-8"})
    if path == "/status/badge.svg":
        return Response(200, render_badge(snapshot), {"content-type": "image/svg+xml"})
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": CONTENT_SECURITY_POLICY}
    return Response(200, render_page(snapshot), headers)


lambda_handler = endpoint(GET_STATUS_PAGE)(handle)

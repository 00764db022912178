"""The weekly report without a database: bounds of weeks, the form of the response, escaping."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.api.accept import choose_type
from callwatch.api.document import DOCUMENT
from callwatch.exceptions import Invalid
from callwatch.models.reason import Reason
from callwatch.reports.weekly.page import CONTENT_SECURITY_POLICY, render_html
from callwatch.reports.weekly.table import render_csv
from callwatch.reports.weekly.week import find_week

NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)
EVIL = '<script>alert("x")</script>&<b>'


def report(**changes: Any) -> Any:
    found: dict[str, Any] = {
        "timestamp": NOW,
        "week": "2026-W48",
        "timezone": "America/New_York",
        "since": NOW - timedelta(days=9),
        "until": NOW - timedelta(days=2),
        "is_complete": True,
        "recorded_since": NOW - timedelta(days=9),
        "targets": [
            {"name": "error_rate", "unit": "ratio", "bound": "most", "target": 0.01, "actual": 0.02, "state": "missed"},
            {"name": "call_cost", "unit": "usd", "bound": "most", "target": 0.2, "actual": None, "state": "unknown"},
        ],
        "services": [
            {
                "name": EVIL,
                "uptime": 99.95,
                "watched": 100.0,
                "minutes_down": 5.0,
                "minutes_rate_limited": 0.0,
                "minutes_out_of_quota": None,
            }
        ],
        "requests": {"count": 1000, "error_rate": 0.02, "p50_ms": 10.0, "p95_ms": 100.0, "p99_ms": None},
        "pipeline": [{"name": EVIL, "completed": 7, "peak_pending": None, "hours_read": 168}],
        "alerts": {
            "count": 3, "by_level": {"error": 2, EVIL: 1}, "inhibited": 1, "acknowledged": 1, "resolved": 2,
            "mean_time_to_acknowledge_s": 90.0, "mean_time_to_resolve_s": None,
            "noisiest_rules": [{"rule_id": "x", "title": EVIL, "count": 3, "firing_minutes": 5.5}],
        },
        "errors": {
            "total": 12, "by_severity": {"high": 12}, "new_count": 1, "regressed_count": 0, "regressed": [],
            "new": [{"id": "7", "title": EVIL, "severity": "high", "environment": EVIL, "count": 12}],
        },
        "cost": {"total": None, "per_call": None, "calls": None, "unpriced_calls": None},
        "unknown": {"cost.total": Reason("not_configured", EVIL), "targets.1.actual": Reason("not_configured", "no prices")},
        **changes,
    }  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("name", "zone", "since", "until"),
    [
        ("2026-W48", "UTC", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("2026-W48", "America/New_York", "2026-11-23T05:00", "2026-11-30T05:00"),
        # The clocks go back: this week has 169 hours.
        ("2026-W44", "America/New_York", "2026-10-26T04:00", "2026-11-02T05:00"),
        ("2026-W44", "Asia/Kolkata", "2026-10-25T18:30", "2026-11-01T18:30"),
        ("2020-W53", "UTC", "2020-12-28T00:00", "2021-01-04T00:00"),
        (None, "UTC", "2026-11-23T00:00", "2026-11-30T00:00"),
    ],
)
def test_week_begins_on_monday_in_the_zone(name: str | None, zone: str, since: str, until: str) -> None:
    found = find_week(name, zone, NOW)
    assert (found.since, found.until) == tuple(datetime.fromisoformat(f"{text}+00:00") for text in (since, until))
    assert found.is_complete
    assert name is None or found.name == name


def test_running_week_ends_now() -> None:
    found = find_week("2026-W49", "UTC", NOW)
    assert (found.until, found.is_complete) == (NOW, False)


@pytest.mark.parametrize(
    "name", ["2026-W50", "2026-W54", "2026-W00", "2021-W53", "W48", "2026-48", "2026-W4", "1999-W01", "x" * 300]
)
def test_week_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="week"):
        find_week(name, "UTC", NOW)


def test_the_document_names_exactly_the_weeks_that_there_are() -> None:
    (parameter,) = json.loads(DOCUMENT.read_text())["paths"]["/api/reports/weekly"]["get"]["parameters"]
    pattern = re.compile(parameter["schema"]["pattern"])
    end = datetime(2100, 1, 1, tzinfo=UTC)
    for year in range(2000, 2100):
        for week in range(55):
            name = f"{year}-W{week:02}"
            try:
                find_week(name, "UTC", end)
                is_week = True
            except Invalid:
                is_week = False
            assert bool(pattern.match(name)) == is_week, name


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/csv;q=0.9, text/html;q=0.5", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/html;q=0", "application/json"),
        ("text/html;q=0.4, application/json", "application/json"),
        ("text/html;q=zero", "text/html"),
        ("," * 100_000, "application/json"),
    ],
)
def test_accept_chooses_the_form(accept: str, expected: str) -> None:
    assert choose_type(accept, ("application/json", "text/html", "text/csv")) == expected


def test_page_escapes_every_text_and_has_no_script() -> None:
    page = render_html(report())
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert " on" not in "".join(re.findall(r"<[^>]*>", page.replace("page-break", "")))
    assert "style-src 'sha256-" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_page_shows_unknown_as_unknown_with_its_reason() -> None:
    page = render_html(report())
    assert 'title="no prices">unknown</span>' in page
    assert "2 %" in page
    assert "99.95 %" in page
    assert "below 1 %" in page
    assert '<span class="missed">missed</span>' in page
    assert "2 min" in page


def test_long_lists_still_fit_on_two_sheets() -> None:
    groups = [{"id": "1", "title": "x" * 300, "severity": "high", "environment": "production", "count": 1}] * 10
    rules = [{"rule_id": "x", "title": "y" * 300, "count": 1, "firing_minutes": 1.0}] * 10
    given = report()
    given["errors"] |= {"new": groups, "regressed": groups}
    given["alerts"]["noisiest_rules"] = rules
    given["services"] *= 40
    page = render_html(given)
    assert "x" * 81 not in page
    assert page.count('class="second"') == 1
    assert "and 24 more" in page


def test_table_has_a_row_per_figure_and_the_reason_of_an_unknown() -> None:
    rows = list(csv.reader(io.StringIO(render_csv(report()))))
    assert len({len(row) for row in rows}) == 1
    found = {(row[1], row[2], row[3]): row[4:] for row in rows}
    assert found["targets", "error_rate", "actual"][0] == "0.02"
    assert found["targets", "call_cost", "actual"] == ["", "not_configured", "no prices"]
    assert found["alerts", "x", "noisiest_rules.count"][0] == "3"
    assert found["errors", "7", "new.count"][0] == "12"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", '=cmd|"/c calc"!A1'])
def test_table_runs_nothing_in_a_spreadsheet(text: str) -> None:
    given = report()
    given["services"][0]["name"] = text
    rows = csv.reader(io.StringIO(render_csv(given)))
    cells = [cell for row in rows for cell in row]
    assert f"'{text}" in cells
    assert text not in cells

"""Status pages of vendors: what they publish is named next to an alert, is no measurement, and no page delays the monitor."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.serializers import load_alert_detail
from callwatch.checks.vendor_pages import read_page
from callwatch.db import connection, execute, fetch_all
from callwatch.db.error_queries.deploys import add_deploy
from callwatch.db.incident_queries.changes import list_changes, list_ranked_changes
from callwatch.exceptions import ConfigurationError
from callwatch.models.shapes.alerts import AlertParts
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.vendors_step import read_vendor_pages
from callwatch.settings import load_settings, reset_settings
from simulator.fake_vendor import Script, Vendor, respond
from tests.support.api_shapes import check_shape

NOW = datetime(2031, 3, 12, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def publish(*incidents: dict[str, Any]) -> Script:
    return respond(200, {"page": {"id": "p"}, "incidents": list(incidents)})


def incident(minutes_ago: float, title: str = "Elevated errors", id_: str = "abc", **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": title, "created_at": (NOW - minutes_ago * MINUTE).isoformat(), "resolved_at": None, **more}


@pytest.fixture
def page(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Yield the status page of Deepgram, with an incident of half an hour ago."""
    with Vendor(publish(incident(30))) as found:
        monkeypatch.setenv("VENDOR_STATUS_PAGES", f"deepgram={found.url}")
        reset_settings()
        yield found


def look(now: datetime = NOW) -> Mapping[str, object]:
    return read_vendor_pages(Cycle(now, deadline=time.monotonic() + 60))


def list_before(at: datetime = NOW) -> list[tuple[str, str]]:
    with connection() as conn:
        return [(each["kind"], each["title"]) for each in list_changes(conn, {1: at})[1]]


def test_incident_of_a_vendor_is_named_before_an_alert(page: Vendor) -> None:
    assert look() == {"pages": {"deepgram": 1}}
    assert page.requests[0].startswith("GET /api/v2/incidents.json ")
    assert list_before() == [("vendor", "Deepgram reports an incident of its own: Elevated errors")]
    assert list_before(NOW + timedelta(hours=1)) == []


def test_page_is_read_every_ten_minutes_and_follows_its_changes(page: Vendor) -> None:
    look()
    page.script = publish(incident(30, "Resolved: elevated errors", started_at=(NOW - 20 * MINUTE).isoformat()))
    assert look(NOW + 9 * MINUTE) == {"pages": {}}
    look(NOW + 10 * MINUTE)
    assert list_before() == [("vendor", "Deepgram reports an incident of its own: Resolved: elevated errors")]
    assert len(page.requests) == 2


@pytest.mark.parametrize(
    "script",
    [
        respond(404), respond(503), respond(200, b"<html>"), respond(200, {"incidents": 7}), respond(200, []),
        respond(200, {"incidents": [7]}), Script(is_cut=True), Script(is_rude=True), Script(is_silent=True),
        publish({"id": "a"}, {"id": 7, "name": "x"}, incident(5, id_=""), incident(-60), incident(60 * 24 * 100)),
        publish(incident(5, started_at="never"), incident(5, id_="b", started_at="2031-03-12T11:00:00")),
    ],
)  # fmt: skip
def test_page_that_cannot_be_read_says_nothing(page: Vendor, script: Script) -> None:
    page.script = script
    began = time.monotonic()
    look()
    assert time.monotonic() - began < 5
    assert list_before() == []


def test_words_of_a_page_are_bounded_and_scrubbed(page: Vendor) -> None:
    page.script = publish(incident(5, "call +1 202 555 0143\n\0" + "x" * 3000))
    look()
    ((_kind, title),) = list_before()
    assert "0143" not in title
    assert len(title) < 300


def test_huge_page_is_read_whole(page: Vendor) -> None:
    updates = [{"body": "word " * 1000}] * 200
    page.script = publish(*(incident(5 + number, id_=f"i{number}", incident_updates=updates[:3]) for number in range(50)))
    found = read_page(page.url, NOW, 5)
    assert isinstance(found, list)
    assert len(found) == 50


def test_without_the_setting_no_page_is_read(page: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENDOR_STATUS_PAGES")
    reset_settings()
    assert look() == {}
    assert page.requests == []


def test_cycle_without_time_reads_no_page(page: Vendor) -> None:
    assert read_vendor_pages(Cycle(NOW, deadline=time.monotonic() + 5)) == {}
    assert page.requests == []


@pytest.mark.parametrize(
    "raw",
    ["https://status.deepgram.com", "Deepgram=https://x.com", "a=ftp://x.com", "a=https://u:p@x.com", "a=https://x,a=https://y"],
)
def test_bad_page_names_what_the_setting_takes(raw: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^VENDOR_STATUS_PAGES must be at most 5 pages as service=address"):
        load_settings({"VENDOR_STATUS_PAGES": raw})


def add_alert(minutes: float, rule_id: str = "service_down") -> int:
    with connection() as conn:
        (row,) = fetch_all(
            conn,
            "INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, labels, started_at, runbook_url)"
            " VALUES (%s, %s, 't', 'critical', 'firing', 'm', '{}', %s, '') RETURNING id",
            (f"{rule_id}:{minutes}", rule_id, NOW + minutes * MINUTE),
        )
        conn.commit()
    return int(row["id"])


def test_changes_say_how_often_their_kind_preceded_the_rule(page: Vendor) -> None:
    """Two of three earlier alerts followed a deploy; the present one follows a deploy and a rule's change of the same minute."""
    with connection() as conn:
        for hours in (30, 20, 0):
            at = NOW - timedelta(hours=hours, minutes=10)
            given = {"environment": "production", "name": None, "url": None, "started_at": None, "finished_at": at}
            add_deploy(conn, 1, f"v{hours}", given)
        execute(
            conn,
            "INSERT INTO callwatch.rule_history (rule_id, at, actor, action, reason)"
            " VALUES ('other', %s, 'ana', 'disable', 'noise')",
            (NOW - 10 * MINUTE + timedelta(seconds=30),),
        )
        conn.commit()
    for hours in (30, 20, 10):
        add_alert(-60 * hours)
    add_alert(-60 * 5, "another_rule")
    alert_id = add_alert(0)
    with connection() as conn:
        ranked = list_ranked_changes(conn, alert_id, "service_down", NOW)
        detail = load_alert_detail(conn, str(alert_id), NOW)
    assert [(each["kind"], each.get("preceded")) for each in ranked] == [("deploy", 2), ("rule", 0)]
    check_shape(AlertParts, detail)
    assert json.dumps(detail["changes"], default=str) == json.dumps(ranked, default=str)

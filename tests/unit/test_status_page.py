"""The public status page without a database: its file, the state of components, age, and every form it is read in."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from callwatch import file_store
from callwatch.exceptions import FilesUnavailable
from callwatch.models.shapes.reporting.status_page import PageIncidents, PageSummary
from callwatch.reports.status_page.components import Assessed, assess, find_worst
from callwatch.reports.status_page.kept_snapshot import KeptSnapshot
from callwatch.reports.status_page.page import CONTENT_SECURITY_POLICY, render_badge, render_feed, render_page
from callwatch.reports.status_page.snapshot import find_current, load_snapshot, write_snapshot
from callwatch.reports.status_page.statuspage_api import build_incidents, build_summary
from callwatch.runtime.responses import encode
from callwatch.settings import load_settings
from callwatch.settings.status_page import StatusComponent, StatusPage, parse_status_page
from tests.support.api_shapes import check_encoded

NOW = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)
EVIL = '<script>alert("x")</script>&\x0b<b>'
CALLS = StatusComponent("calls", "Call analysis", "Transcripts and scores", ("openai",), ("analyses",))
PAGE = StatusPage("Acme", (CALLS, StatusComponent("api", "API", "", ("database",), ())))
GOOD: dict[str, Any] = {"name": "Acme", "components": [{"id": "calls", "name": "Calls", "services": ["openai"]}]}


def snapshot(**changes: Any) -> Any:
    update = {"id": "7", "status": "investigating", "body": EVIL, "at": NOW}
    incident = {
        "id": "3", "title": EVIL, "status": "investigating", "impact": "major", "components": ["calls"], "created_at": NOW,
        "updated_at": NOW, "resolved_at": None, "updates": [update],
    }  # fmt: skip
    components = [
        {"id": "calls", "name": EVIL, "description": EVIL, "status": "partial_outage"},
        {"id": "api", "name": "API", "description": "", "status": "operational"},
    ]
    return {"at": NOW, "name": EVIL, "components": components, "incidents": [incident], **changes}


def test_file_names_components_and_their_sources() -> None:
    page = parse_status_page(json.dumps({**GOOD, "components": [*GOOD["components"], {"id": "b", "name": "B", "stages": ["s"]}]}))
    assert page.components == (
        StatusComponent("calls", "Calls", "", ("openai",), ()),
        StatusComponent("b", "B", "", (), ("s",)),
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "an object with name and components"),
        ({**GOOD, "colour": "red"}, "an object with name and components"),
        ({**GOOD, "name": ""}, "name must be a text"),
        ({**GOOD, "name": "a\nb"}, "name must be a text"),
        ({"name": "A", "components": []}, "a list of 1 to 30"),
        ({"name": "A", "components": GOOD["components"] * 31}, "a list of 1 to 30"),
        ({"name": "A", "components": GOOD["components"] * 2}, "different ids"),
        ({"name": "A", "components": [{"id": "Calls", "name": "A", "services": ["x"]}]}, "id must be lower-case"),
        ({"name": "A", "components": [{"id": "a", "name": "A"}]}, "must name services or stages"),
        ({"name": "A", "components": [{"id": "a", "name": "A", "services": [1]}]}, "services must be a list"),
        ({"name": "A", "components": [7]}, "component 1 must be an object"),
    ],
)
def test_bad_file_names_field_and_remedy(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_status_page(json.dumps(given))


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 100_000, '"\ud800"'])
def test_hostile_file_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        parse_status_page(text)


def test_bad_file_switches_off_the_page_alone(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text("{}")
    settings = load_settings({"STATUS_PAGE_FILE": str(tmp_path / "page.json")}, is_strict=False)
    assert (settings.status_page_file, [problem.affects for problem in settings.problems]) == (None, ["status_page"])


@pytest.mark.parametrize(
    ("services", "stages", "firing", "expected"),
    [
        ({"openai": "healthy"}, {"analyses"}, [], "operational"),
        ({"openai": "degraded"}, {"analyses"}, [], "degraded_performance"),
        ({"openai": "unhealthy"}, {"analyses"}, [], "major_outage"),
        ({"openai": "unknown"}, {"analyses"}, [], "unknown"),
        ({}, {"analyses"}, [], "unknown"),
        ({"openai": "healthy"}, set(), [], "unknown"),
        ({"openai": "healthy"}, {"analyses"}, [("warning", {"analyses"})], "degraded_performance"),
        ({"openai": "healthy"}, {"analyses"}, [("error", {"analyses", "other"})], "partial_outage"),
        ({"openai": "healthy"}, {"analyses"}, [("critical", {"other"})], "operational"),
        ({"openai": "healthy"}, {"analyses"}, [("info", {"analyses"})], "operational"),
        ({}, set(), [("critical", {"analyses"})], "major_outage"),
    ],
)
def test_component_has_the_worst_state_of_its_parts(services: Any, stages: Any, firing: Any, expected: str) -> None:
    known = Assessed(services, frozenset(stages), [(level, frozenset(found)) for level, found in firing])
    assert assess(CALLS, known) == expected


STATES = ["operational", "under_maintenance", "unknown", "degraded_performance", "partial_outage", "major_outage"]


@given(st.lists(st.sampled_from(STATES), min_size=1))
def test_unknown_is_never_shown_as_operational(states: list[Any]) -> None:
    assert (find_worst(states) == "operational") == (set(states) == {"operational"})
    summary = build_summary(snapshot(components=[{"id": "a", "name": "A", "description": "", "status": s} for s in states]), "")
    assert (summary["status"]["indicator"] == "none") == (set(states) == {"operational"})


@pytest.mark.parametrize(("age", "expected"), [(timedelta(0), "operational"), (timedelta(minutes=4), "unknown")])
def test_old_snapshot_says_nothing_about_now(age: timedelta, expected: str) -> None:
    found = snapshot(components=[{"id": "calls", "name": "C", "description": "", "status": "operational"}])
    current = find_current(found, PAGE, NOW + age)
    assert [each["status"] for each in current["components"]] == [expected, "unknown"]
    assert [each["name"] for each in current["components"]] == ["Call analysis", "API"]
    assert current["incidents"] == found["incidents"]


def test_page_without_any_snapshot_is_unknown() -> None:
    current = find_current(None, PAGE, NOW)
    page = render_page(current)
    assert {each["status"] for each in current["components"]} == {"unknown"}
    assert "Not assessed yet." in page
    assert "The state of some systems is unknown" in page
    assert "unknown" in render_badge(current)
    assert ET.fromstring(render_feed(current, "https://x/status")).tag.endswith("feed")


def test_snapshot_survives_the_store(tmp_path: Path) -> None:
    assert load_snapshot(str(tmp_path / "none")) is None
    assert load_snapshot(None) is None
    write_snapshot(str(tmp_path / "s"), snapshot())
    assert load_snapshot(str(tmp_path / "s")) == snapshot()


def test_snapshot_survives_s3() -> None:
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="store")
        file_store._make_client.cache_clear()
        assert load_snapshot("s3://store/page") is None
        write_snapshot("s3://store/page", snapshot())
        assert load_snapshot("s3://store/page") == snapshot()
        with pytest.raises(FilesUnavailable):
            load_snapshot("s3://no-such-store/page")
    file_store._make_client.cache_clear()


def test_dead_store_is_asked_every_ten_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def load(url: str | None) -> Any:
        asked.append(url)
        if len(asked) > 1:
            raise FilesUnavailable("the store of files does not respond")
        return snapshot(components=[{"id": "api", "name": "A", "description": "", "status": "operational"}])

    monkeypatch.setattr("callwatch.reports.status_page.kept_snapshot.load_snapshot", load)
    kept, shown = KeptSnapshot(), []
    for second in range(0, 300, 5):
        shown.append(kept.load("/store", PAGE, NOW + timedelta(seconds=second))["components"][1]["status"])
    assert len(asked) == 20
    assert shown == ["operational"] * 37 + ["unknown"] * 23


def test_every_form_escapes_every_text() -> None:
    page, feed = render_page(snapshot()), render_feed(snapshot(), "https://x/status?a=1&b=<")
    for text in (page, feed):
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    assert "script-src" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    entry = ET.fromstring(feed).find("{http://www.w3.org/2005/Atom}entry/{http://www.w3.org/2005/Atom}title")
    assert entry is not None
    assert entry.text == EVIL.replace("\x0b", "")
    assert ET.fromstring(render_badge(snapshot())).get("aria-label") == "status: partial outage"


@given(st.text())
def test_feed_is_xml_whatever_people_write(text: str) -> None:
    found = snapshot(name=text)
    found["incidents"][0] |= {"title": text, "updates": [{"id": "1", "status": "resolved", "body": text, "at": NOW}]}
    ET.fromstring(render_feed(found, "https://x/status").encode(errors="surrogatepass").decode(errors="replace"))


def test_api_has_the_shapes_of_statuspage() -> None:
    summary, incidents = build_summary(snapshot(), "https://x/status"), build_incidents(snapshot(), "https://x/status")
    check_encoded(PageSummary, json.loads(encode(summary)))
    check_encoded(PageIncidents, json.loads(encode(incidents)))
    assert summary["status"] == {"indicator": "major", "description": "Partial outage"}
    assert incidents["incidents"][0]["shortlink"] == "https://x/status#incident-3"
    assert [each["id"] for each in incidents["incidents"][0]["components"]] == ["calls"]


def test_summary_leaves_out_resolved_incidents() -> None:
    found = snapshot()
    found["incidents"][0] |= {"status": "resolved", "resolved_at": NOW}
    assert build_summary(found, "")["incidents"] == []
    assert len(build_incidents(found, "")["incidents"]) == 1
    assert "None in the last 90 days" not in render_page(found)

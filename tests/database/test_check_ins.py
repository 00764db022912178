"""Check-ins from their message to an alert: stored once, in any order, in bounded space, and judged by what is stored."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.crons.samples import read_check_in_samples
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.rule_states import read_firing_labels
from callwatch.db.queries import check_ins as stored
from callwatch.db.queries.check_ins import KEPT_CHECK_INS, forget_monitors
from callwatch.digest.store import digest
from callwatch.ingest.check_ins import accept_check_in, build_check_in_message
from callwatch.models.sample import Sample
from callwatch.models.shapes.pipeline import CronPage
from functions import get_crons
from tests.support.api_shapes import check_shape
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import cycle
from tests.unit.test_endpoint import Context, event

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EACH_TEN_MINUTES = {"schedule": {"type": "crontab", "value": "*/10 * * * *"}}
LABELS = {"monitor": "sync", "environment": "production", "project": "1"}

pytestmark = pytest.mark.usefixtures("database")


def message(minutes: float, status: str = "ok", project: int = 1, **given: Any) -> str:
    at = NOW + minutes * MINUTE
    row, _problems = accept_check_in({"monitor_slug": "sync", "status": status, **given}, at)
    return build_check_in_message([row], project, at)


def store(bodies: Sequence[str], minutes: float = 60 * 24 * 365) -> None:
    done = digest(bodies, NOW + minutes * MINUTE)
    assert done.poison == []


def rows(table: str = "check_ins") -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, f"SELECT * FROM callwatch.{table}")


def samples(minutes: float, uncounted: str | None = None) -> list[Sample]:
    with connection() as conn:
        return read_check_in_samples(conn, NOW + minutes * MINUTE, read_firing_labels(conn), uncounted)


def values(minutes: float) -> dict[str, float | None]:
    """Return the values of the one monitor by the last part of their metrics."""
    return {sample.metric.removeprefix("check_in."): sample.value for sample in samples(minutes) if sample.labels == LABELS}


def alerts() -> list[tuple[str, str, str]]:
    with connection() as conn:
        found = fetch_all(
            conn, "SELECT rule_id, state, labels FROM callwatch.alerts WHERE starts_with(rule_id, 'check_in') ORDER BY id"
        )
    assert all(alert["labels"] == LABELS for alert in found)
    return [(alert["rule_id"], alert["state"], alert["labels"]["monitor"]) for alert in found]


def test_check_in_delivered_twice_counts_once() -> None:
    bodies = [message(0, "in_progress", check_in_id="a" * 32), message(1, "ok", check_in_id="a" * 32), message(2)]
    store([*bodies, *bodies])
    store(bodies[::-1])
    assert len(rows()) == 3
    assert values(5) == {}


def test_order_of_arrival_does_not_matter() -> None:
    store([message(20, monitor_config=EACH_TEN_MINUTES)])
    store([message(10, "error")])
    store([message(0, "in_progress", monitor_config={"schedule": {"type": "crontab", "value": "* * * * *"}})])
    (monitor,) = rows("check_in_monitors")
    assert (monitor["last_at"], monitor["config_at"]) == (NOW + 20 * MINUTE, NOW + 20 * MINUTE)
    assert monitor["config"]["schedule"]["text"] == "*/10 * * * *"
    assert values(25) == {}


def test_new_schedule_is_known_from_its_own_time() -> None:
    store([message(0, monitor_config=EACH_TEN_MINUTES)])
    store([message(10, monitor_config={**EACH_TEN_MINUTES, "checkin_margin": 3})])
    assert rows("check_in_monitors")[0]["schedule_since"] == NOW
    store([message(20, monitor_config={"schedule": {"type": "interval", "value": 1, "unit": "day"}})])
    assert rows("check_in_monitors")[0]["schedule_since"] == NOW + 20 * MINUTE
    assert values(60 * 23) == {}


def test_stopped_job_is_one_alert_until_it_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([message(0, monitor_config=EACH_TEN_MINUTES)], NOW).stand_in(monkeypatch)
    for minute in (0, 5, 10, 11, 12, 31, 62):
        cycle(NOW + minute * MINUTE)
        expected = [("check_in_missed", "firing", "sync")] if minute >= 11 else []
        assert alerts() == expected, minute
    FakeQueue([message(70)], NOW + 70 * MINUTE).stand_in(monkeypatch)
    cycle(NOW + 71 * MINUTE)
    assert alerts() == [("check_in_missed", "resolved", "sync")]


def test_failed_job_that_then_stops_stays_one_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([message(0, "error", monitor_config=EACH_TEN_MINUTES)], NOW).stand_in(monkeypatch)
    for minute in (1, 15):
        cycle(NOW + minute * MINUTE)
        assert alerts() == [("check_in_failed", "firing", "sync")]
    with connection() as conn:
        statement = "SELECT details ->> 'detail' AS detail FROM callwatch.rule_states WHERE rule_id = %s AND state = 'firing'"
        (shown,) = fetch_all(conn, statement, ("check_in_failed",))
    assert shown["detail"].startswith("no check-in for 2026-05-04 10:10 UTC")


def test_run_that_never_ends_is_an_overrun(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"schedule": {"type": "interval", "value": 1, "unit": "day"}, "max_runtime": 5}
    started = [message(0, "in_progress", check_in_id="a" * 32, monitor_config=config)]
    FakeQueue(started, NOW).stand_in(monkeypatch)
    cycle(NOW + 4 * MINUTE)
    assert alerts() == []
    cycle(NOW + 6 * MINUTE)
    assert alerts() == [("check_in_overrun", "firing", "sync")]


def test_nothing_is_missed_while_check_ins_wait_in_the_queue() -> None:
    store([message(0, monitor_config=EACH_TEN_MINUTES)])
    assert values(15) == {"missed": 1.0}
    waiting = [sample for sample in samples(15, uncounted="the flush failed") if sample.metric != "check_in.refused"]
    assert {(sample.metric, sample.value) for sample in waiting} == {
        ("check_in.missed", None), ("check_in.failed", None), ("check_in.overrun", None),
    }  # fmt: skip
    store([message(10, "error")])
    assert [s.value for s in samples(15, uncounted="x") if s.metric == "check_in.failed" and s.labels] == [1.0]


def test_unusable_schedule_is_said_and_stops_no_other_job() -> None:
    hashed = {"schedule": {"type": "crontab", "value": "H H * * *"}}
    store([message(0, monitor_config=hashed), message(0, "error", monitor_slug="b")])
    damaged = '{"schedule": {"text": "x", "timezone": 7}}'
    with connection() as conn:
        execute(conn, "UPDATE callwatch.check_in_monitors SET config = %s WHERE slug = 'b'", (damaged,))
        conn.commit()
    found = {(sample.metric, sample.labels.get("monitor")): sample for sample in samples(60)}
    assert "crontab of five fields" in str(found["check_in.schedule_invalid", "sync"].detail)
    assert found["check_in.schedule_invalid", "b"].value == 1.0
    assert found["check_in.failed", "b"].value == 1.0


@pytest.mark.parametrize(
    "config",
    [
        [], "x", 7, {"schedule": []}, {"schedule": {"text": 7}}, {"margin_s": 1e300}, {"max_runtime_s": -1e300},
        {"schedule": {"text": "every x", "count": "x", "unit": "minute"}},
        {"schedule": {"text": "every x", "count": 10**300, "unit": "year"}},
        {"schedule": {"text": "every x", "count": 1, "unit": "eon"}},
        {"schedule": {"text": "every x", "count": 0, "unit": "minute"}},
        {"failure_threshold": "x", "recovery_threshold": [1]},
    ],
)  # fmt: skip
def test_damaged_row_costs_no_other_job_its_verdict(config: Any) -> None:
    store([message(0, "error", monitor_slug="a"), message(0, "error", monitor_slug="b")])
    with connection() as conn:
        execute(conn, "UPDATE callwatch.check_in_monitors SET config = %s WHERE slug = 'a'", (json.dumps(config),))
        conn.commit()
    failing = {sample.labels.get("monitor") for sample in samples(60) if sample.metric == "check_in.failed" and sample.value}
    assert "b" in failing


def test_stored_check_ins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    store([message(minute, "error" if minute == 199 else "ok") for minute in range(200)])
    assert len(rows()) == KEPT_CHECK_INS
    assert values(199.5) == {"failed": 1.0}
    store([message(minute) for minute in range(10)])
    assert len(rows()) == KEPT_CHECK_INS
    assert values(199.5) == {"failed": 1.0}
    monkeypatch.setattr(stored, "MAX_MONITORS", 3)
    store([message(300, monitor_slug=f"job-{index}") for index in range(5)])
    assert sorted(row["slug"] for row in rows("check_in_monitors")) == ["job-0", "job-1", "sync"]
    store([message(300, monitor_slug="job-0"), message(300, project=2)])
    assert len(rows("check_in_monitors")) == 4
    (refused,) = [sample for sample in samples(301) if sample.metric == "check_in.refused"]
    assert (refused.value, refused.labels) == (1.0, {"project": "1"})
    # One that has been silent for a month makes room.
    store([message(60 * 24 * 40, monitor_slug="new")])
    assert "new" in {row["slug"] for row in rows("check_in_monitors")}


def test_monitor_is_forgotten_after_more_than_a_year() -> None:
    store([message(0)])
    with connection() as conn:
        assert forget_monitors(conn, NOW + timedelta(days=366)) == 0
        assert forget_monitors(conn, NOW + timedelta(days=401)) == 1
        conn.commit()
    assert rows() == []


@pytest.mark.parametrize(
    "change",
    [{"slug": ""}, {"slug": 7}, {"environment": None}, {"status": "x"}, {"at": "then"}, {"message_id": "x"}, {"duration_s": "x"}],
)
def test_bad_message_is_poison_and_stops_no_other(change: dict[str, Any]) -> None:
    bad = json.loads(message(0))
    bad["check_ins"][0] |= change
    done = digest([json.dumps(bad), message(1)], NOW + 5 * MINUTE)
    assert len(done.poison) == 1
    assert len(rows()) == 1


def page(**query: str) -> dict[str, Any]:
    given = event("viewer")
    given["queryStringParameters"] = query
    answer = get_crons.lambda_handler(given, Context())
    assert answer["statusCode"] == 200, answer
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def test_list_shows_jobs_with_their_states(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(source="check_in")["unknown"]["as_of"]["code"] == "unavailable"
    now = datetime.now(UTC)
    minutes = (now - NOW) / MINUTE
    config = {"schedule": {"type": "interval", "value": 1, "unit": "hour"}, "timezone": "Europe/Berlin"}
    store(
        [
            message(minutes - 5, "in_progress", check_in_id="a" * 32, monitor_config=config),
            message(minutes - 3, check_in_id="a" * 32),
            message(minutes - 200, monitor_slug="gone", monitor_config=config),
            message(minutes - 3, "error", monitor_slug="broken", environment="staging"),
            message(minutes - 3, "in_progress", monitor_slug="busy"),
            message(minutes - 3, monitor_slug="odd", monitor_config={"schedule": {"type": "crontab", "value": "often"}}),
        ]
    )
    FakeQueue([], now).stand_in(monkeypatch)
    cycle(datetime.now(UTC))
    found = page(source="check_in")
    check_shape(CronPage, found)
    items = {item["slug"]: item for item in found["items"]}
    states = {slug: item["state"] for slug, item in items.items()}
    assert states == {"broken": "failed", "busy": "running", "gone": "missed", "odd": "unknown", "sync": "ok"}
    assert (items["sync"]["schedule"], items["sync"]["duration_s"], items["sync"]["source"]) == ("every hour", 120, "check_in")
    assert items["broken"]["environment"] == "staging"
    assert items["odd"]["unknown"]["next_at"]["code"] == "unavailable"
    assert items["busy"]["unknown"]["next_at"]["code"] == "not_recorded"
    for place, item in enumerate(found["items"]):
        nulls = {name for name, value in item.items() if value is None}
        assert nulls == set(item["unknown"])
        assert {f"items.{place}.{name}" for name in nulls} <= set(found["unknown"])
    assert [item["slug"] for item in page(state="missed")["items"]] == ["gone"]
    assert [item["slug"] for item in page(q="BRO", environment="staging", project="1")["items"]] == ["broken"]
    first = page(limit="2", source="check_in")
    assert [item["slug"] for item in page(limit="2", cursor=first["next_cursor"], source="check_in")["items"]] == ["gone", "odd"]


def test_jobs_of_the_products_table_stand_in_the_same_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with connection() as conn:
        execute(conn, "CREATE TABLE public.cron_heartbeats (name text, last_ok timestamptz, last_message text)")
        execute(conn, "INSERT INTO public.cron_heartbeats VALUES ('process-recordings-v3', now() - interval '1 day', 'done')")
        conn.commit()
    store([message(0)])
    found = {item["slug"]: item for item in page()["items"] if item["source"] == "product"}
    late = found["process-recordings-v3"]
    assert (late["state"], late["schedule"], late["duration_s"]) == ("missed", "every minute", None)
    assert late["unknown"]["duration_s"]["code"] == "not_recorded"
    assert {item["state"] for slug, item in found.items() if slug != "process-recordings-v3"} == {"unknown"}

"""Alerts whose subject is gone end, and say so: none is called recovered that nobody measured."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts.evaluation.instance_state import UNREPORTED_FOR
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.channels import pagerduty
from callwatch.alerts.notifications.notification import load_notification
from callwatch.alerts.notifications.rendering import render_message
from callwatch.alerts.own_rules.complete_metrics import COMPLETE
from callwatch.alerts.rules.watched import find_subjects
from callwatch.alerts.serializers import load_alert_detail
from callwatch.crons.samples import read_check_in_samples
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.rule_states import read_firing_labels
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.monitor.external_samples import read_external_samples
from callwatch.pipeline.stage_file import DEFAULT
from callwatch.settings import get_settings, reset_settings
from tests.database.test_odd_rows import MINUTE, NOW, add_transcription, tables
from tests.support.monitor_cycles import cycle
from tests.support.scripted_receiver import Receiver, Scripted

__all__ = ["tables"]
NO_RECOVERY = "This is no recovery: whether it is still wrong is unknown."


@pytest.fixture(autouse=True)
def hook(webhook: Receiver, database: str) -> Receiver:
    return webhook


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], None]:
    """Return what makes the settings name a stage file with this content."""

    def use(content: Mapping[str, Any]) -> None:
        path = tmp_path / f"stages{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(content))
        monkeypatch.setenv("STAGES_FILE", str(path))
        reset_settings()

    return use


def judge(at: datetime, *samples: Sample, unread: tuple[str, ...] = ()) -> None:
    with connection() as conn:
        evaluate_rules(conn, samples, at, unread, complete=COMPLETE, find_subjects=find_subjects)
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent', sent_at = now() WHERE state = 'due'")
        conn.commit()


def list_alerts(rule_id: str) -> list[tuple[str, str | None]]:
    """Return state and end of the alerts of a rule, oldest first."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT state, end_reason FROM callwatch.alerts WHERE rule_id = %s ORDER BY id", (rule_id,))
    return [(row["state"], row["end_reason"]) for row in rows]


def read_last(rule_id: str, channel: str = "webhook") -> Any:
    """Return the notification that a channel got last of a rule."""
    with connection() as conn:
        rows = fetch_all(
            conn,
            "SELECT payload FROM callwatch.deliveries WHERE channel = %s AND payload ->> 'rule_id' = %s ORDER BY id DESC LIMIT 1",
            (channel, rule_id),
        )
    return load_notification(rows[0]["payload"])


def assert_no_recovery(rule_id: str, first: str, channel: str = "webhook") -> None:
    text = render_message(read_last(rule_id, channel))
    assert text.startswith(first), text
    assert NO_RECOVERY in text
    assert "esolved" not in text


def test_a_service_that_nobody_checks_is_not_recovered(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as website:
        website.default = Scripted(503)
        check = [{"name": "website", "url": website.url}]
        monkeypatch.setenv("HTTP_CHECKS", json.dumps(check))
        reset_settings()
        for minute in range(4):
            cycle(NOW + minute * MINUTE)
        assert list_alerts("service_down") == [("firing", None)]
        monkeypatch.setenv("HTTP_CHECKS", "[{")
        reset_settings()
        cycle(NOW + 4 * MINUTE)
        assert list_alerts("service_down") == [("firing", None)], "a setting that cannot be read names nothing less"
        monkeypatch.delenv("HTTP_CHECKS")
        reset_settings()
        cycle(NOW + 5 * MINUTE)
    assert list_alerts("service_down") == [("resolved", "no_longer_watched")]
    bodies = [json.loads(each.body) for each in hook.received]
    over = [body for body in bodies if body["data"]["rule_id"] == "service_down" and body["type"] == "alert.resolved"]
    assert [body["data"]["end_reason"] for body in over] == ["no_longer_watched"]
    assert over[0]["data"]["message"].startswith("No longer watched: ")
    assert "do not name service website any more" in over[0]["data"]["message"]
    assert NO_RECOVERY in over[0]["data"]["message"]
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'service_down'")
        timeline = load_alert_detail(conn, str(row["id"]))["timeline"]
    assert [each["kind"] for each in timeline if "resolved" in each["kind"]] == []
    assert timeline[-2]["kind"] == "no longer watched"


def test_a_measured_end_is_recovered(hook: Receiver) -> None:
    judge(NOW, Sample("queue.pending", 500.0))
    judge(NOW + MINUTE, Sample("queue.pending", 5.0))
    assert list_alerts("queue_backlog") == [("resolved", "recovered")]
    assert render_message(read_last("queue_backlog", "log")).startswith("Resolved: ")


def test_a_stage_that_the_file_drops_is_not_recovered(tables: Any, stages: Callable[[Mapping[str, Any]], None]) -> None:
    add_transcription(tables, "processing", NOW - 60 * MINUTE, NOW - 60 * MINUTE)
    cycle(NOW)
    assert list_alerts("stuck_jobs") == [("firing", None)]
    content = json.loads(DEFAULT.read_text())
    content["stages"] = [stage for stage in content["stages"] if stage["name"] != "transcriptions"]
    for cron in content["heartbeats"]["crons"]:
        cron.pop("stage", None)
    stages(content)
    cycle(NOW + MINUTE)
    assert list_alerts("stuck_jobs") == [("resolved", "no_longer_watched")]
    assert_no_recovery("stuck_jobs", "No longer watched: ")
    assert "stage transcriptions" in render_message(read_last("stuck_jobs"))


@pytest.mark.parametrize(
    ("part", "rule_id", "sample"),
    [
        ("webhooks", "webhook_errors", Sample("webhooks.error_ratio", 0.9)),
        ("freshness", "calls_missing", Sample("calls.missing_ratio", 0.9)),
        ("availability", "recordings_unavailable", Sample("recordings.availability", 0.1)),
        ("completeness", "fields_missing", Sample("fields.null_rate", 0.9, None, {"field": "lead_id", "source": "web"})),
        ("heartbeats", "cron_late", Sample("cron.late", 9.0, None, {"cron": "backfill"})),
        ("heartbeats", "crons_down", Sample("cron.failing", 9.0)),
        ("syncs", "sync_volume", Sample("sync.volume_ratio", 0.1, None, {"sync": "agents"})),
        ("costs", "call_cost", Sample("cost.per_call_usd", 9.0)),
    ],
)
def test_a_part_that_the_file_drops_is_not_recovered(
    part: str, rule_id: str, sample: Sample, stages: Callable[[Mapping[str, Any]], None]
) -> None:
    judge(NOW, sample)
    judge(NOW + 11 * MINUTE, sample)
    assert list_alerts(rule_id) == [("firing", None)]
    stages({name: value for name, value in json.loads(DEFAULT.read_text()).items() if name != part})
    judge(NOW + 12 * MINUTE)
    assert list_alerts(rule_id) == [("resolved", "no_longer_watched")]
    assert f"no part {part}" in render_message(read_last(rule_id))


@pytest.mark.parametrize(
    ("rule_id", "sample"),
    [
        ("slow_route", Sample("requests.route_p95_ms", 9_000.0, None, {"route": "GET /old"})),
        ("agency_silent", Sample("agency.silent", 1.0, None, {"agency": "7"})),
        ("sync_volume", Sample("sync.volume_ratio", 0.1, None, {"sync": "agents"})),
        ("fields_missing", Sample("fields.null_rate", 0.9, None, {"field": "lead_id", "source": "web"})),
    ],
)
def test_what_is_never_reported_again_ends_after_a_week(rule_id: str, sample: Sample) -> None:
    judge(NOW, sample)
    judge(NOW + 3 * MINUTE, sample)
    gone_at = NOW + 4 * MINUTE
    judge(gone_at)
    judge(gone_at + UNREPORTED_FOR - MINUTE)
    assert list_alerts(rule_id) == [("firing", None)]
    judge(gone_at + UNREPORTED_FOR)
    assert list_alerts(rule_id) == [("resolved", "no_longer_reported")]
    assert_no_recovery(rule_id, "No longer reported: ")
    assert "for 7 days" in render_message(read_last(rule_id))
    later = gone_at + UNREPORTED_FOR + timedelta(hours=3)
    judge(later, sample)
    judge(later + 3 * MINUTE, sample)
    assert list_alerts(rule_id)[-1] == ("firing", None)


@pytest.mark.parametrize(
    "between",
    [
        ((), ("requests.",)),
        ((Sample("requests.route_p95_ms", None, Reason("timeout", "it took too long")),), ()),
        ((Sample("requests.route_p95_ms", 9_000.0, None, {"route": "GET /old"}),), ()),
    ],
)
def test_a_source_that_is_not_read_ends_nothing(between: tuple[tuple[Sample, ...], tuple[str, ...]]) -> None:
    samples, unread = between
    judge(NOW, Sample("requests.route_p95_ms", 9_000.0, None, {"route": "GET /old"}))
    judge(NOW + MINUTE)
    judge(NOW + timedelta(days=6), *samples, unread=unread)
    judge(NOW + timedelta(days=8), *samples, unread=unread)
    judge(NOW + timedelta(days=9))
    judge(NOW + timedelta(days=15))
    assert list_alerts("slow_route") == [("firing", None)]


def test_calls_that_stay_away_are_missing_for_ever() -> None:
    judge(NOW, Sample("calls.missing_ratio", 0.9))
    doubt = Reason("no_traffic", "the product is closed")
    for day in range(1, 20):
        judge(NOW + timedelta(days=day), Sample("calls.missing_ratio", None, inconclusive=doubt))
    assert list_alerts("calls_missing") == [("firing", None)]


def read_own(at: datetime, read: Callable[..., list[Sample]]) -> list[Sample]:
    with connection() as conn:
        return read(conn, at, read_firing_labels(conn))


def test_a_job_whose_monitor_is_deleted_is_not_recovered() -> None:
    labels = {"monitor": "nightly", "environment": "production", "project": "1"}
    judge(NOW, Sample("check_in.missed", 2.0, None, labels))
    assert list_alerts("check_in_missed") == [("firing", None)]
    judge(NOW + MINUTE, *read_own(NOW + MINUTE, read_check_in_samples))
    assert list_alerts("check_in_missed") == [("resolved", "no_longer_reported")]
    assert_no_recovery("check_in_missed", "No longer reported: ")
    assert "its monitor is not kept any more" in render_message(read_last("check_in_missed")).lower()


@pytest.mark.parametrize(
    ("row", "end"),
    [
        ("true, now() - interval '3 days'", "no_longer_reported"),
        ("false, NULL", "recovered"),
        (None, "no_longer_reported"),
    ],
)
def test_an_alert_that_its_source_forgets_is_not_recovered(row: str | None, end: str) -> None:
    labels = {"source": "alertmanager", "alertname": "DiskFull"}
    judge(NOW, Sample("external.warning", 1.0, None, labels))
    if row is not None:
        with connection() as conn:
            execute(
                conn,
                "INSERT INTO callwatch.external_alerts (project_id, source, fingerprint, level, name, labels, summary, starts_at,"
                " changed_at, is_firing, expires_at)"
                f" SELECT 1, 'alertmanager', 'f', 'warning', 'DiskFull', %s, NULL, %s, %s, {row}",
                (json.dumps(labels), NOW, NOW),
            )
            conn.commit()
    judge(NOW + MINUTE, *read_own(NOW + MINUTE, read_external_samples))
    assert list_alerts("external_warning") == [("resolved", end)]


def test_a_channel_that_is_taken_out_is_not_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x")
    reset_settings()
    judge(NOW, Sample("channel.broken", 1.0, None, {"channel": "slack"}))
    assert list_alerts("channel_broken") == [("firing", None)]
    monkeypatch.delenv("SLACK_WEBHOOK_URL")
    reset_settings()
    judge(NOW + MINUTE)
    assert list_alerts("channel_broken") == [("resolved", "no_longer_watched")]


RULE = {"id": "long", "name": "Long", "level": "error", "metric": "pipeline.stuck", "comparison": ">", "threshold": 5}


def use_rules(path: Path, monkeypatch: pytest.MonkeyPatch, *rules: Mapping[str, Any]) -> None:
    path.write_text(json.dumps([{"channels": ["webhook"], **rule} for rule in rules]))
    monkeypatch.setenv("RULES_FILE", str(path))
    reset_settings()


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        (None, "rule_removed"),
        ({"metric": "pipeline.zombie"}, "no_longer_watched"),
        ({"labels": {"stage": "recordings"}}, "no_longer_watched"),
        ({"threshold": 50}, "recovered"),
    ],
)
def test_a_rule_that_leaves_the_file_says_so(
    changed: Mapping[str, Any] | None, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Sample("pipeline.stuck", 9.0, None, {"stage": "transcriptions"})
    use_rules(tmp_path / "one.json", monkeypatch, RULE)
    judge(NOW, stuck)
    assert list_alerts("long") == [("firing", None)]
    use_rules(tmp_path / "two.json", monkeypatch, *([{**RULE, **changed}] if changed is not None else []))
    judge(NOW + MINUTE, stuck)
    assert list_alerts("long") == [("resolved", end)]
    assert (NO_RECOVERY in render_message(read_last("long"))) == (end != "recovered")


def test_pagerduty_resolves_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "r" * 32)
    reset_settings()
    agency = Sample("agency.silent", 1.0, None, {"agency": "7"})
    for at in (NOW, NOW + 3 * MINUTE):
        judge(at, agency)
    judge(NOW + 4 * MINUTE)
    judge(NOW + 5 * MINUTE + UNREPORTED_FOR)
    event: Any = pagerduty.build_body(read_last("agency_silent", "pagerduty"), get_settings())
    assert event["event_action"] == "resolve"
    assert event["payload"]["custom_details"]["end_reason"] == "no_longer_reported"
    assert event["payload"]["summary"].startswith("[ENDED] ")


def test_a_group_names_the_end_of_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = [Sample("requests.route_p95_ms", 9_000.0, None, {"route": f"GET /{number}"}) for number in range(9)]
    judge(NOW, *routes)
    judge(NOW + MINUTE)
    judge(NOW + 2 * MINUTE + UNREPORTED_FOR, Sample("requests.route_p95_ms", 5.0, None, {"route": "GET /0"}))
    ended = read_last("slow_route")
    assert (ended.kind, ended.look, len(ended.members)) == ("alert.resolved", "alert.ended", 9)
    assert {member.end for member in ended.members} == {None, "no_longer_reported"}
    text = render_message(ended)
    assert text.count("No longer reported: ") == 8
    assert text.count("Resolved: ") == 1
    assert text.startswith("Ended: 9 alerts ended: ")


def test_states_of_the_version_before_are_read(tables: Any) -> None:
    judge(NOW, Sample("queue.pending", 500.0))
    tables.execute("UPDATE callwatch.rule_states SET details = details - 'ended' - 'ended_why' - 'gone_since'")
    judge(NOW + MINUTE, Sample("queue.pending", 5.0))
    assert list_alerts("queue_backlog") == [("resolved", "recovered")]
    tables.execute("""UPDATE callwatch.rule_states SET details = details || '{"ended": 7, "gone_since": "never"}'""")
    judge(NOW + 2 * MINUTE, Sample("queue.pending", 500.0))
    assert list_alerts("queue_backlog")[-1] == ("firing", None)

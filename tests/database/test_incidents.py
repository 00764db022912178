"""Incidents with state in a real PostgreSQL: what belongs together, what is stored, and what a failure costs."""

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.incidents import update
from callwatch.alerts.incidents.serializers import load_incident_detail, load_incidents
from callwatch.alerts.outage.outage_end import end_database_outage
from callwatch.alerts.outage.outage_start import start_database_outage
from callwatch.alerts.rules.rule import Cause
from callwatch.api.http import Request
from callwatch.db import connection, execute, fetch_all
from callwatch.models.sample import Sample
from callwatch.runtime.responses import encode
from callwatch.settings import get_settings
from functions import get_incident, list_alerts, list_incidents
from tests.support.api_contract import check_response
from tests.support.monitor_cycles import MONITOR

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEAD = {"dead": 30.0, "dead_ratio": 0.34}
METRICS = frozenset({"test.cause", "test.other", "test.effect", "test.leaf"})
RULES = {"cause": (), "other": (), "effect": (Cause("cause", same=("service",)), "other"), "leaf": ("effect",)}
LEVELS = {"cause": AlertLevel.CRITICAL, "other": AlertLevel.ERROR}


@pytest.fixture(autouse=True)
def rules(database: str) -> Iterator[None]:
    for rule_id, causes in RULES.items():
        alert_manager.add_rule(
            AlertRule(
                rule_id, rule_id.title(), LEVELS.get(rule_id, AlertLevel.WARNING), [AlertChannel.LOG],
                [Condition(f"test.{rule_id}", ">", 10)], cooldown_minutes=5, depends_on=causes,
            )
        )  # fmt: skip
    yield
    for rule_id in RULES:
        alert_manager.remove_rule(rule_id)


def evaluate(minute: int, *firing: str, **labels: str) -> Evaluated:
    """Evaluate with exactly these rules firing, for service a unless named "rule:service"."""
    samples = [Sample(f"test.{name}", 1.0, None, {"service": "a", **labels}) for name in RULES]
    samples += [
        Sample(f"test.{name}", 20.0, None, {"service": service or "a", **labels})
        for name, _colon, service in (each.partition(":") for each in firing)
    ]
    with connection() as conn:
        done = evaluate_rules(conn, samples, NOW + minute * MINUTE, only_metrics=METRICS)
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent', sent_at = now() WHERE state = 'due'")
        conn.commit()
    return done


def incidents() -> list[dict[str, Any]]:
    """Return the incidents as the list shows them, the oldest first."""
    with connection() as conn:
        loaded, _position = load_incidents(conn, {}, 100, NOW)
    return sorted(loaded.items, key=lambda each: int(each["id"]))  # type: ignore[arg-type]


def detail(incident_id: str) -> Any:
    with connection() as conn:
        return load_incident_detail(conn, incident_id, NOW)[0]


def rule_ids(incident: Any) -> list[str]:
    return sorted(each["rule_id"] for each in incident["alerts"])


def happened(incident_id: str) -> list[str]:
    return [each["kind"] for each in detail(incident_id)["timeline"]]


def check() -> None:
    """Fail unless every firing alert is in one open incident, and every open incident has a firing alert."""
    with connection() as conn:
        firing = fetch_all(conn, "SELECT id, incident_id FROM callwatch.alerts WHERE state = 'firing'")
        opened = {row["id"] for row in fetch_all(conn, "SELECT id FROM callwatch.incidents WHERE state = 'open'")}
        lost = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE incident_id IS NULL")
        chains = fetch_all(
            conn,
            "SELECT mine.id FROM callwatch.incidents AS mine JOIN callwatch.incidents AS other ON other.id = mine.merged_into"
            " WHERE other.merged_into IS NOT NULL OR mine.state = 'open'",
        )
    assert {row["incident_id"] for row in firing} == opened
    assert (lost, chains) == ([], [])


def test_a_cause_and_what_follows_are_one_incident() -> None:
    assert evaluate(0, "cause", "effect", "leaf", "effect:b").incidents == 2
    first, second = incidents()
    assert (rule_ids(first), rule_ids(second)) == (["cause", "effect", "leaf"], ["effect"])
    shown = [first["cause"]["rule_id"], first["title"], first["level"], first["state"]]
    assert shown == ["cause", "Cause [a]", "critical", "open"]
    assert first["sentence"] == "Cause [a] since 12:00 UTC; 2 more alerts follow"
    assert (first["alert_count"], first["firing_count"], first["started_at"], first["owner"]) == (3, 3, NOW, None)
    assert happened(first["id"])[0] == "opened"
    assert {"alerts joined", "firing", "suppressed", "notified: firing"} <= set(happened(first["id"]))
    evaluate(5)
    over = incidents()[0]
    assert (over["state"], over["resolved_at"], over["firing_count"]) == ("resolved", NOW + 5 * MINUTE, 0)
    assert over["sentence"] == "Cause [a] from 12:00 UTC to 12:05 UTC"
    assert happened(first["id"])[-1] == "resolved"
    check()


def test_a_late_cause_adopts_and_early_incidents_merge() -> None:
    evaluate(0, "effect")
    evaluate(1, "effect", "effect:b")
    early, later = incidents()
    assert evaluate(2, "effect", "effect:b", "other").incidents == 1
    (merged,) = incidents()
    assert (merged["id"], merged["cause"]["rule_id"], rule_ids(merged)) == (early["id"], "other", ["effect", "effect", "other"])
    assert {"adopted", "merged", "raised", "alerts joined"} <= set(happened(early["id"]))
    gone = detail(later["id"])
    assert (gone["state"], gone["merged_into"]) == ("resolved", early["id"])
    assert "merged" in [each["kind"] for each in gone["timeline"]]
    check()


def test_a_cause_that_ends_hands_over() -> None:
    evaluate(0, "cause", "effect", "leaf")
    evaluate(3, "effect", "leaf")
    (incident,) = incidents()
    assert (incident["state"], incident["cause"]["rule_id"], incident["started_at"]) == ("open", "effect", NOW)
    assert incident["level"] == "critical", "the highest it had"
    assert "handed over" in happened(incident["id"])
    assert len(rule_ids(incident)) == 3, "what ended stays listed"
    check()


def test_an_alert_that_reopens_reopens_its_incident() -> None:
    for minute in range(12):
        evaluate(minute, *(["other"] if minute % 2 == 0 else []))
    found = incidents()
    assert len(found) == 4, "as many as there are alerts: flapping continues the fourth"
    assert happened(found[-1]["id"]).count("reopened") == 2
    check()


def test_an_outage_gets_its_incident_when_it_is_written() -> None:
    memory = MONITOR.state.database_outage
    start_database_outage(memory, NOW, "connection refused", 1)
    with connection() as conn:
        assert end_database_outage(conn, memory, NOW + 4 * MINUTE)
        evaluate_rules(conn, [], NOW + 4 * MINUTE, only_metrics=METRICS)
        conn.commit()
    (incident,) = incidents()
    assert (incident["cause"]["rule_id"], incident["state"]) == ("database_health", "resolved")
    assert (incident["started_at"], incident["resolved_at"]) == (NOW, NOW + 4 * MINUTE)
    assert incident["sentence"] == "The monitor's database is unhealthy from 12:00 UTC to 12:04 UTC"
    check()


def test_a_failing_update_costs_only_incidents(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ValueError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(update, "group_alerts", fail)
        done = evaluate(0, "cause", "effect")
        assert (done.fired, done.notified, done.incidents) == (2, 1, None)
    assert incidents() == []
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.incidents RENAME TO hidden")
        conn.commit()
    assert (evaluate(1, "cause", "other").fired, evaluate(2, "other").resolved) == (1, 1)
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.hidden RENAME TO incidents")
        conn.commit()
    evaluate(3, "other")
    states = [(each["cause"]["rule_id"], each["state"], rule_ids(each)) for each in incidents()]
    assert sorted(states) == [("cause", "resolved", ["cause", "effect"]), ("other", "open", ["other"])], "those missed are added"
    check()


def test_two_evaluators_write_each_incident_once() -> None:
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        evaluate(0, "cause", "effect", "other")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each["cause"]["rule_id"] for each in incidents()] == ["cause", "other"]
    evaluate(1, "cause", "effect", "other")
    assert [happened(each["id"]).count("opened") for each in incidents()] == [1, 1]
    check()


def test_impact_is_measured_or_says_why_not() -> None:
    with connection() as conn:
        for minute, depth in ((-1, 9), (0, 32)):
            execute(
                conn,
                "INSERT INTO callwatch.stage_minutes VALUES ('analyses', 'pending', %s, %s)",
                (NOW + minute * MINUTE, depth),
            )
        execute(
            conn,
            "INSERT INTO callwatch.error_counts_by_minute VALUES (%s, 1, 'production', 'high', 'api', 5),"
            " (%s, 1, 'production', 'high', 'api', 7), (%s, 0, 'production', 'high', 'api', 9)",
            (NOW - MINUTE, NOW, NOW),
        )
        conn.commit()
    evaluate(0, "cause", stage="analyses")
    (with_stage,) = incidents()
    assert with_stage["impact"] == {"calls": 32, "agencies": None, "users": None, "errors": 7}
    assert with_stage["sentence"].startswith("Cause [a, stage analyses]: 32 calls wait for analysis since 12:00")
    evaluate(20, "cause", stage="analyses")
    assert incidents()[0]["impact"]["calls"] == 32, "the most that waited, although the depth is not known now"
    evaluate(21, "other:b")
    answer: Any = list_incidents.handle(request())
    assert answer["unknown"]["items.0.impact.calls"].code == "not_recorded"
    assert incidents()[0]["sentence"].endswith("at most 32 calls waited for analysis, from 12:00 UTC to 12:21 UTC")


def test_calls_that_are_stuck_count_as_waiting() -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.stage_minutes VALUES ('transcriptions', 'pending', %s, 2)", (NOW,))
        samples = [
            Sample(f"pipeline.{name}", 7.0, None, {"stage": "transcriptions"}) for name in ("stuck", "orphan", "false_success")
        ]
        evaluate_rules(conn, samples, NOW, only_metrics=frozenset(sample.metric for sample in samples))
        conn.commit()
    assert [each["impact"]["calls"] for each in incidents()] == [9, 9, 9]
    wording = "Jobs are stuck in stage transcriptions: 9 calls wait for transcription since 12:00 UTC"
    assert wording in [each["sentence"] for each in incidents()]


def test_dead_letters_are_no_calls_that_wait() -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.stage_minutes VALUES ('recordings', 'pending', %s, 0)", (NOW,))
        samples = [Sample(f"pipeline.{name}", value, None, {"stage": "recordings"}) for name, value in DEAD.items()]
        evaluate_rules(conn, samples, NOW, only_metrics=frozenset(sample.metric for sample in samples))
        conn.commit()
    answer: Any = list_incidents.handle(request())
    assert answer["items"][0]["cause"]["rule_id"] == "dead_jobs"
    assert answer["items"][0]["impact"]["calls"] is None, "0 would say that no call is affected"
    assert answer["unknown"]["items.0.impact.calls"].code == "not_recorded"


def test_impact_counts_the_agencies_that_alerts_name() -> None:
    evaluate(0, "cause", agency="a1")
    assert incidents()[0]["impact"]["agencies"] == 1


def test_one_schema_that_drifts_is_one_incident() -> None:
    drift = [Sample("schema.drift", 1.0, None, {"table": name}) for name in ("calls", "transcripts", "analyses")]
    for minute, count in ((0, 2), (1, 3)):
        with connection() as conn:
            evaluate_rules(conn, drift[:count], NOW + minute * MINUTE, only_metrics=frozenset({"schema.drift"}))
            conn.commit()
    (incident,) = incidents()
    assert [each["labels"]["table"] for each in incident["alerts"]] == ["calls", "transcripts", "analyses"]
    assert incident["sentence"].endswith("; 2 more alerts follow")


def test_a_rule_on_errors_counts_the_hour_before() -> None:
    too_many = Condition("test.cause", ">", 10)
    alert_manager.add_rule(AlertRule("high_error_rate", "Errors", AlertLevel.ERROR, [AlertChannel.LOG], [too_many]))
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.error_counts_by_minute VALUES (%s, 1, 'production', 'high', 'api', 5),"
            " (%s, 1, 'production', 'high', 'api', 90)",
            (NOW - 59 * MINUTE, NOW - 61 * MINUTE),
        )
        conn.commit()
    try:
        evaluate(0, "cause")
    finally:
        alert_manager.remove_rule("high_error_rate")
    assert {each["cause"]["rule_id"]: each["impact"]["errors"] for each in incidents()} == {"cause": 0, "high_error_rate": 5}


def test_damaged_rows_cost_no_other_incident() -> None:
    evaluate(0, "cause", "other:b")
    with connection() as conn:
        execute(conn, "UPDATE callwatch.alerts SET labels = '[7]' WHERE rule_id = 'cause'")
        execute(conn, "UPDATE callwatch.alerts SET labels = '{\"service\": 7, \"group\": null}' WHERE rule_id = 'other'")
        execute(conn, "UPDATE callwatch.incidents SET impact = '[]' WHERE id = 1")
        execute(conn, 'UPDATE callwatch.incidents SET impact = \'{"calls": 7, "errors": {"value": "x"}}\' WHERE id = 2')
        conn.commit()
    assert evaluate(1, "cause", "other:b", "leaf:c").incidents == 3
    assert list_incidents.handle(request())["items"]
    assert list_alerts.handle(request("/api/alerts"))["items"]
    check()


def test_changes_of_the_hour_before_are_listed() -> None:
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.releases VALUES (1, 'production', '2.0', %s, false), (1, 'production', '1.9', %s, false)",
            (NOW - 30 * MINUTE, NOW - 61 * MINUTE),
        )
        execute(
            conn,
            "INSERT INTO callwatch.rule_history (rule_id, at, actor, action, reason)"
            " VALUES ('other', %s, 'ana', 'disable', 'noise')",
            (NOW - 20 * MINUTE,),
        )
        conn.commit()
    evaluate(0, "cause")
    changes = [(each["kind"], each["title"]) for each in incidents()[0]["changes"]]
    assert changes == [("rule", "Rule other: disable by ana, noise"), ("release", "Release 2.0 (production) first seen")]


def request(path: str = "/api/incidents", incident_id: str = "", **query: str) -> Any:
    return Request("GET", path, {"id": incident_id}, query, role="viewer")


def test_the_list_is_paged_and_filtered_and_fits_its_shape() -> None:
    for minute, rule_id in enumerate(("cause", "other", "effect")):
        evaluate(minute, f"{rule_id}:s{minute}", *(f"{each}:s{index}" for index, each in enumerate(("cause",)) if minute))
    first = list_incidents.handle(request(limit="2"))
    check_response("GET", "/api/incidents", json.loads(encode(first)))
    rest = list_incidents.handle(request(limit="2", cursor=str(first["next_cursor"])))
    shown = [each["cause"]["rule_id"] for each in [*first["items"], *rest["items"]]]
    assert (shown, rest["next_cursor"]) == (["effect", "other", "cause"], None)
    for query, expected in (
        ({"state": "open"}, ["effect", "cause"]),
        ({"state": "resolved"}, ["other"]),
        ({"level": "critical"}, ["cause"]),
        ({"q": "Other"}, ["other"]),
        ({"since": (NOW + MINUTE).isoformat()}, ["effect", "other"]),
        ({"until": (NOW + MINUTE).isoformat()}, ["cause"]),
    ):
        assert [each["cause"]["rule_id"] for each in list_incidents.handle(request(**query))["items"]] == expected, query
    one = get_incident.handle(request(incident_id=first["items"][0]["id"]))
    check_response("GET", "/api/incidents/{id}", json.loads(encode(one)))


def test_two_thousand_alerts_are_grouped_and_shown_in_part() -> None:
    fill = """
        INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, labels, started_at, runbook_url)
        SELECT 'k' || i, 'r', 'Rule', 'warning', 'firing', 'm', jsonb_build_object('service', 's' || i), %s, ''
        FROM generate_series(1, 2000) AS i
    """
    above = {f"k{number}": ["k1"] for number in range(2, 2_001)}
    with connection(60_000) as conn:
        execute(conn, fill, (NOW,))
        assert update.regroup(conn, {}, get_settings(), NOW) == 2_000
        assert update.regroup(conn, above, get_settings(), NOW + MINUTE) == 1
        conn.commit()
        loaded, _position = load_incidents(conn, {}, 50, NOW)
        (incident,) = loaded.items
        shown = load_incident_detail(conn, incident["id"], NOW)[0]
    assert (incident["alert_count"], len(incident["alerts"]), len(shown["alerts"])) == (2_000, 10, 100)
    assert len(shown["timeline"]) <= 500
    check()


def test_random_histories_lose_no_alert() -> None:
    chance = random.Random(7)
    names = [f"{name}:{service}" for name in RULES for service in "ab"]
    for minute in range(60):
        evaluate(minute, *chance.sample(names, chance.randint(0, 5)))
        check()
    evaluate(61)
    check()
    with connection() as conn:
        (counted,) = fetch_all(conn, "SELECT count(*) AS n FROM callwatch.incidents WHERE state = 'open'")
    assert counted["n"] == 0

"""Silences by label tests and in recurring windows: what they mute, and what the list shows of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluation.silences import load_silences
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.silence_actions import create_silence, delete_silence
from callwatch.alerts.silencing.items import serialize_silences
from callwatch.api.filters import read_id_position
from callwatch.api.http import Page
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.silences import list_silences, list_silences_in_force
from callwatch.exceptions import Invalid
from callwatch.models.sample import Sample
from callwatch.models.shapes.alerts import MadeSilence, Silence
from callwatch.settings import get_settings
from tests.support.api_shapes import check_shape

# A Monday.
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REGIONS = ("eu-west-1", "eu-north-1", "us-east-1")
RULE = AlertRule("slow", "Slow", AlertLevel.WARNING, [AlertChannel.LOG], [Condition("test.slow", ">", 10)], cooldown_minutes=5)


@pytest.fixture(autouse=True)
def _rule(database: str) -> Any:
    alert_manager.add_rule(RULE)
    yield
    alert_manager.remove_rule(RULE.id)


def create(given: dict[str, Any], now: datetime = NOW) -> MadeSilence:
    body = {"reason": "maintenance", "ends_at": (now + 60 * DAY).isoformat(), **given}
    with connection() as conn:
        made = create_silence(conn, body, "ann", get_settings(), now)
        conn.commit()
    check_shape(MadeSilence, made)
    return made


def show(now: datetime) -> list[Silence]:
    with connection() as conn:
        found = serialize_silences(conn, list_silences(conn, now, 50), now)
    for item in found:
        check_shape(Silence, item)
    return found


def fire(at: datetime, *regions: str) -> set[str]:
    """Evaluate with these regions firing; returns the regions that are notified."""
    samples = [Sample("test.slow", 99.0 if region in regions else 0.0, labels={"region": region}) for region in REGIONS]
    with connection() as conn:
        before = _notified(conn)
        evaluate_rules(conn, samples, at, only_metrics=frozenset({"test.slow"}))
        conn.commit()
        return _notified(conn) - before


def _notified(conn: Any) -> set[str]:
    rows = fetch_all(conn, "SELECT payload FROM callwatch.deliveries WHERE channel = 'log' AND kind = 'alert.firing'")
    return {row["payload"]["labels"]["region"] for row in rows}


@pytest.mark.parametrize(
    ("test", "muted"),
    [
        ({"op": "=", "value": "us-east-1"}, {"us-east-1"}),
        ({"op": "!=", "value": "us-east-1"}, {"eu-west-1", "eu-north-1"}),
        ({"op": "=~", "value": "eu-(west|north)-[0-9]+"}, {"eu-west-1", "eu-north-1"}),
        ({"op": "=~", "value": "eu"}, set()),
        ({"op": "!~", "value": "eu-.*"}, {"us-east-1"}),
    ],
)
def test_a_label_test_mutes_what_it_matches(test: dict[str, str], muted: set[str]) -> None:
    create({"matchers": {"rule_id": "slow", "labels": {"region": test}}})
    assert fire(NOW, *REGIONS) == set(REGIONS) - muted
    (item,) = show(NOW)
    assert {alert["labels"]["region"] for alert in item["mutes"]} == muted
    assert item["mutes_count"] == len(muted)


def test_tests_and_texts_are_shown_apart_and_can_be_sent_again() -> None:
    labels = {"region": {"op": "=~", "value": "eu-.*"}, "type": "", "stage": {"op": "!=", "value": "b"}}
    made = create({"matchers": {"labels": labels}})
    assert made["matchers"] == {
        "labels": {"type": ""},
        "label_tests": {"region": labels["region"], "stage": labels["stage"]},
    }
    again = create({"matchers": dict(made["matchers"])})
    assert again["matchers"] == made["matchers"]


def test_a_missing_label_counts_as_empty_in_tests() -> None:
    create({"matchers": {"rule_id": "slow", "labels": {"nothing": {"op": "!=", "value": "x"}}}})
    assert fire(NOW, "us-east-1") == set()


def test_a_nightly_window_mutes_only_inside() -> None:
    recurs = {"days": ["monday", "Tue"], "start": "22:00", "duration_s": 4 * 3600, "timezone": "Europe/Berlin"}
    made = create({"matchers": {"rule_id": "slow"}, "recurs": recurs})
    assert made["recurs"] == {"days": ["mon", "tue"], "start": "22:00", "duration_s": 14_400, "timezone": "Europe/Berlin"}
    begins = NOW.replace(hour=21)
    assert (made["is_muting"], made["next_starts_at"]) == (False, begins)
    assert fire(NOW, "us-east-1") == {"us-east-1"}
    inside = begins + 3 * HOUR
    assert fire(inside, "us-east-1", "eu-west-1") == set()
    (item,) = show(inside)
    assert (item["is_muting"], item["next_starts_at"], item["mutes_count"]) == (True, None, 2)
    with connection() as conn:
        (silence,) = load_silences(list_silences_in_force(conn, inside), inside)
        assert silence.ends_at == begins + 4 * HOUR
        timeline = fetch_all(conn, "SELECT details FROM callwatch.alert_timeline WHERE kind = 'silenced'")
        assert load_silences(list_silences_in_force(conn, begins + 4 * HOUR), begins + 4 * HOUR) == []
    assert all(row["details"].startswith("until 03 Mar 2026, 01:00 UTC") for row in timeline)
    assert fire(begins + 4 * HOUR, "us-east-1", "eu-west-1") == {"eu-west-1"}
    assert show(NOW + 3 * DAY)[0]["next_starts_at"] == begins + 7 * DAY


def test_a_window_ends_with_its_silence_and_can_be_ended_early() -> None:
    recurs = {"days": ["mon"], "start": "10:00", "duration_s": 86_400}
    made = create({"matchers": {"rule_id": "slow"}, "recurs": recurs, "ends_at": (NOW + HOUR).isoformat()})
    assert made["recurs"] is not None
    assert (made["is_muting"], made["recurs"]["timezone"]) == (True, "UTC")
    with connection() as conn:
        (silence,) = load_silences(list_silences_in_force(conn, NOW), NOW)
        assert silence.ends_at == NOW + HOUR
    now = datetime.now(UTC)
    day = now.strftime("%a").lower()
    made = create({"matchers": {"rule_id": "slow"}, "recurs": {**recurs, "days": [day], "start": "00:00"}}, now)
    assert made["is_muting"]
    with connection() as conn:
        delete_silence(conn, made["id"], "ben")
        conn.commit()
        assert list_silences_in_force(conn, now) == []


def test_a_silence_without_a_window_before_its_end_warns() -> None:
    recurs = {"days": ["sun"], "start": "10:00", "duration_s": 3600}
    made = create({"matchers": {"rule_id": "slow"}, "recurs": recurs, "ends_at": (NOW + DAY).isoformat()})
    assert "no window begins before ends_at" in made["warnings"][0]


def test_damaged_matchers_and_windows_mute_nothing() -> None:
    recurs = {"days": ["mon"], "start": "10:00", "duration_s": 86_400}
    create({"matchers": {"rule_id": "slow"}, "recurs": recurs})
    for column, damage in (
        ("recurs", '{"days": ["mon"]}'),
        ("recurs", "[]"),
        ("matchers", '{"labels": {"region": {"op": "~"}}}'),
        ("matchers", '{"labels": {"region": 5}}'),
        ("matchers", '{"labels": []}'),
        ("matchers", "[]"),
    ):
        with connection() as conn:
            execute(conn, f"UPDATE callwatch.silences SET {column} = %s", (damage,))
            conn.commit()
            assert load_silences(list_silences_in_force(conn, NOW), NOW) == [], damage
            assert serialize_silences(conn, list_silences(conn, NOW, 50), NOW)[0]["mutes_count"] == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"matchers": {"labels": {"a": {"op": "=~", "value": "("}}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": {"op": "~", "value": "b"}}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": {"op": ["="], "value": "b"}}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": {"value": "b"}}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": {"op": "=", "value": 5}}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": 5}}}, "matchers.labels"),
        ({"matchers": {"labels": {str(number): "x" for number in range(21)}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a": "b"}, "label_tests": {"a": {"op": "!=", "value": "c"}}}}, "matchers.label_tests"),
        ({"matchers": {"label_tests": {"a": "b"}}}, "matchers.label_tests"),
        ({"matchers": {"label_tests": []}}, "matchers.labels"),
        ({"matchers": {"labels": {}}}, "matchers"),
        ({"recurs": []}, "recurs"),
        ({"recurs": {"every": "day"}}, "recurs"),
        ({"recurs": {"days": [], "start": "10:00", "duration_s": 60}}, "recurs.days"),
        ({"recurs": {"days": ["mon", "monday"], "start": "10:00", "duration_s": 60}}, "recurs.days"),
        ({"recurs": {"days": ["mo"], "start": "10:00", "duration_s": 60}}, "recurs.days"),
        ({"recurs": {"days": [1], "start": "10:00", "duration_s": 60}}, "recurs.days"),
        ({"recurs": {"days": ["mon"], "start": "10", "duration_s": 60}}, "recurs.start"),
        ({"recurs": {"days": ["mon"], "start": "24:00", "duration_s": 60}}, "recurs.start"),
        ({"recurs": {"days": ["mon"], "start": None, "duration_s": 60}}, "recurs.start"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 59}}, "recurs.duration_s"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 604_801}}, "recurs.duration_s"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": True}}, "recurs.duration_s"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 60, "timezone": "Berlin"}}, "recurs.timezone"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 60, "timezone": "/etc/localtime"}}, "recurs.timezone"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 60, "timezone": 5}}, "recurs.timezone"),
        ({"recurs": {"days": ["mon"], "start": "10:00", "duration_s": 60, "timezone": "a\x00"}}, "recurs.timezone"),
    ],
)
def test_a_bad_silence_names_the_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        create({"matchers": {"rule_id": "slow"}, **given})
    assert caught.value.field == field


def test_a_start_at_the_end_of_the_calendar_is_refused() -> None:
    recurs = {"days": ["mon"], "start": "22:00", "duration_s": 3600, "timezone": "Pacific/Kiritimati"}
    span = {"starts_at": "9999-12-30T00:00:00Z", "ends_at": "9999-12-31T23:59:59Z"}
    for more in ({}, {"recurs": recurs}):
        with pytest.raises(Invalid, match="starts_at"):
            create({"matchers": {"rule_id": "slow"}, **span, **more})
    create({"matchers": {"rule_id": "slow"}, "starts_at": "9998-12-31T23:59:59Z", "ends_at": span["ends_at"], "recurs": recurs})


@pytest.mark.parametrize("position", [2**63, 2**70, 10**30, -1, True, False, 1.5, "1", [1], {}])
def test_a_cursor_that_is_no_id_is_refused(position: Any) -> None:
    with pytest.raises(Invalid, match="cursor"):
        read_id_position(Page(50, position))

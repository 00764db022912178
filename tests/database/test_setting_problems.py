"""An unusable setting is visible: stored, in health, and as an alert that ends with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection, fetch_all
from callwatch.models.shapes.health import Health
from callwatch.reports.health import build_health
from callwatch.settings import get_settings, load_settings, reset_settings
from tests.support.api_shapes import OWN, check_shape
from tests.support.monitor_cycles import cycle, states

NOW = datetime.now(UTC)


def configuration_in_health() -> Any:
    answer = build_health(load_settings({}), NOW, OWN)
    check_shape(Health, answer)
    return answer["configuration"]


def test_half_given_email_fails_no_cycle_and_is_an_alert(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EMAIL_TO", "a@example.com")
    monkeypatch.setenv("ALERT_EMAIL_FROM", "b@example.com")
    reset_settings()
    steps = cycle(NOW)["steps"]
    assert [steps[name]["error"] for name in ("prepare", "check", "evaluate", "notify")] == [None] * 4
    assert states()["setting_invalid"] == "firing"
    (problem,) = configuration_in_health()
    assert (problem["variable"], problem["affects"]) == ("SENDGRID_API_KEY", "channel.email")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.key")
    reset_settings()
    cycle(NOW + timedelta(minutes=1))
    assert configuration_in_health() == []
    assert states().get("setting_invalid", "ok") == "ok"
    with connection() as conn:
        rows = fetch_all(conn, "SELECT state, message FROM callwatch.alerts WHERE rule_id = 'setting_invalid'")
    assert [row["state"] for row in rows] == ["resolved"]
    assert "SENDGRID_API_KEY or SMTP_URL or SES_REGION is required" in rows[0]["message"]


def test_the_alert_goes_through_the_channels_left(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "slack")
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("PAGERDUTY_API_URL", "http://127.0.0.1:1")
    reset_settings()
    cycle(NOW)
    with connection() as conn:
        rows = fetch_all(
            conn,
            "SELECT DISTINCT channel FROM callwatch.deliveries JOIN callwatch.alerts ON alerts.id = alert_id"
            " WHERE rule_id = 'setting_invalid' ORDER BY channel",
        )
    assert {row["channel"] for row in rows} >= {"log", "pagerduty"}
    assert "slack" not in {row["channel"] for row in rows}


def test_health_without_a_database_knows_its_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    reset_settings()
    answer = build_health(get_settings(), NOW, OWN)
    assert answer["configuration"] is None
    assert "configuration" in answer["unknown"]

"""The channels as people see them, and a test notification through one."""

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.channel_actions import list_channel_items, load_tested, send_test
from callwatch.alerts.notifications.channels import CHANNELS, NEEDS, is_configured
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.db import connection
from callwatch.db.alert_queries.channel_states import note_failing, note_given_up, note_sent, open_breaker
from callwatch.exceptions import Conflict, NotFound
from callwatch.models.alert import AlertChannel
from callwatch.models.shapes.alerting.channels import ChannelItem, TestedChannel
from callwatch.monitor.own_samples import measure_channels
from callwatch.settings import Settings, get_settings, load_settings, reset_settings
from tests.support.api_shapes import check_shape
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def items(environ: dict[str, str] | None = None) -> dict[str, ChannelItem]:
    settings = load_settings(environ or {}, is_strict=False)
    with connection() as conn:
        found = list_channel_items(conn, settings, NOW)
    for item in found:
        check_shape(ChannelItem, item)
    return {item["name"]: item for item in found}


def test_every_channel_is_listed_and_says_what_it_needs(database: str) -> None:
    found = items()
    assert set(found) == set(AlertChannel)
    for name, item in found.items():
        is_always = name in ("log", "database")
        assert (item["is_configured"], item["state"]) == (is_always, "unused" if is_always else "not_configured")
        assert item["needs"] == [" or ".join(group) for group in list_groups(name)]
        assert {field for field in item if item[field] is None} == set(item["unknown"])  # type: ignore[literal-required]
        assert item["unknown"]["last_sent_at"].code == ("none" if is_always else "not_configured")


def test_a_channel_works_with_what_it_needs_and_nothing_less(database: str) -> None:
    for name in CHANNELS:
        groups = list_groups(name)
        for missing in groups:
            assert not is_configured(name, build_settings(each[0] for each in groups if each != missing)), (name, missing)
        for chosen in itertools.product(*groups):
            assert is_configured(name, build_settings(chosen)), (name, chosen)


def list_groups(name: str) -> list[tuple[str, ...]]:
    return [(each,) if isinstance(each, str) else each for each in NEEDS.get(name, ())]


def build_settings(names: Iterable[str]) -> Settings:
    given: dict[str, Any] = {name.lower(): "x" for name in names}
    return Settings(**given)


def test_a_bad_setting_is_named(database: str) -> None:
    item = items({"SLACK_ALERT_WEBHOOK": "slack"})["slack"]
    assert (item["state"], item["is_configured"]) == ("invalid", False)
    assert item["problem"] is not None
    assert item["problem"].startswith("SLACK_ALERT_WEBHOOK must be")


def test_the_state_follows_deliveries(database: str) -> None:
    environ = {"SLACK_ALERT_WEBHOOK": "https://hooks.slack.com/services/T/B/x"}

    def state_after(act: Any) -> str:
        with connection() as conn:
            act(conn)
            conn.commit()
        return items(environ)["slack"]["state"]

    assert items(environ)["slack"]["state"] == "unused"
    assert state_after(lambda conn: note_sent(conn, "slack", NOW - MINUTE)) == "ok"
    assert state_after(lambda conn: note_given_up(conn, "slack", NOW, "404")) == "failing"
    assert state_after(lambda conn: note_sent(conn, "slack", NOW)) == "ok"
    assert state_after(lambda conn: note_failing(conn, "slack", NOW, "no response")) == "failing"
    assert state_after(lambda conn: open_breaker(conn, "slack", NOW, NOW + MINUTE, False)) == "held"
    item = items(environ)["slack"]
    assert (item["last_sent_at"], item["last_error"], item["held_until"]) == (NOW, "no response", NOW + MINUTE)


def test_a_test_arrives_at_once_and_only_there(database: str, webhook: Receiver) -> None:
    with connection() as conn:
        send_test(conn, "webhook", {"reason": "does it arrive?"}, "ops", get_settings(), NOW)
        conn.commit()
    deliver_due(datetime.now(UTC), 5.0)
    (request,) = webhook.received
    body = json.loads(request.body)
    assert body["type"] == "alert.test"
    assert body["data"]["message"] == "This is a test by ops: does it arrive?"
    assert body["data"]["title"] == "Test of the channel webhook"
    with connection() as conn:
        shown = load_tested(conn, "webhook", get_settings(), NOW)
        (log,) = (each for each in list_channel_items(conn, get_settings(), NOW) if each["name"] == "log")
    assert (shown["state"], [each["state"] for each in shown["test_deliveries"]]) == ("ok", ["sent"])
    assert log["state"] == "unused"


def test_a_test_without_settings_says_what_to_set(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EMAIL_FROM", "a@example.com")
    reset_settings()
    with connection() as conn:
        with pytest.raises(Conflict, match=r"the channel pagerduty is not configured; set PAGERDUTY_ROUTING_KEY"):
            send_test(conn, "pagerduty", {}, "ops", get_settings(), NOW)
        with pytest.raises(Conflict, match="ALERT_EMAIL_TO is required"):
            send_test(conn, "email", {}, "ops", get_settings(), NOW)
        with pytest.raises(NotFound, match="no channel has this name"):
            send_test(conn, "fax", {}, "ops", get_settings(), NOW)


def test_a_test_of_the_audit_trail_is_written_to_it(database: str) -> None:
    with connection() as conn:
        send_test(conn, "database", {}, "ops", get_settings(), NOW)
        conn.commit()
        shown = load_tested(conn, "database", get_settings(), NOW)
    assert (shown["state"], [each["channel"] for each in shown["test_deliveries"]]) == ("ok", ["database"])


def test_each_of_several_channels_has_its_own_state(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver:
        base = receiver.url.rpartition("/")[0]
        monkeypatch.setenv("SLACK_ALERT_WEBHOOK", f"{base}/base")
        monkeypatch.setenv("SLACK_ALERT_WEBHOOK__OPS", f"{base}/ops")
        monkeypatch.setenv("SLACK_ALERT_WEBHOOK__DEV", f"{base}/dev")
        monkeypatch.setenv("NTFY_TOKEN__DEV", "two words")
        reset_settings()
        receiver.script.append(Scripted(404))
        tested = [send_and_deliver(name) for name in ("slack:ops", "slack:dev")]
    assert [request.path for request in receiver.received] == ["/ops", "/dev"]
    assert [(each["name"], each["kind"], each["test_deliveries"][0]["state"]) for each in tested] == [
        ("slack:ops", "slack", "failed"),
        ("slack:dev", "slack", "sent"),
    ]
    with connection() as conn:
        found = {item["name"]: item for item in list_channel_items(conn, get_settings(), datetime.now(UTC))}
        assert [sample.labels["channel"] for sample in measure_channels(conn, NOW) if sample.value] == ["slack:ops"]
    assert {name: found[name]["state"] for name in ("slack", "slack:ops", "slack:dev", "ntfy:dev")} == {
        "slack": "unused", "slack:ops": "held", "slack:dev": "ok", "ntfy:dev": "invalid"
    }  # fmt: skip
    assert str(found["ntfy:dev"]["problem"]).startswith("NTFY_TOKEN__DEV must be ")
    assert found["ntfy:dev"]["needs"] == ["NTFY_URL__DEV"]


def send_and_deliver(name: str) -> TestedChannel:
    with connection() as conn:
        send_test(conn, name, {}, "ops", get_settings(), datetime.now(UTC))
        conn.commit()
    deliver_due(datetime.now(UTC), 5.0)
    with connection() as conn:
        return load_tested(conn, name, get_settings(), datetime.now(UTC))

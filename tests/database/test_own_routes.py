"""Routes that people make on the page: saved as versions, in force from the next evaluation, kept if they cannot be read."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.outage.outage import DATABASE, OutageMemory
from callwatch.alerts.outage.outage_start import start_database_outage
from callwatch.alerts.routing.dry_run import try_routes
from callwatch.alerts.routing.own_route_changes import replace_own_routes
from callwatch.alerts.routing.show_routes import show_known_routes, show_routes
from callwatch.db import connection, execute, fetch_all
from callwatch.db.incident_queries.changes import list_changes
from callwatch.db.report_queries.changes import list_changes as list_reported_changes
from callwatch.exceptions import Conflict, Invalid, RequestRefused
from callwatch.models.sample import Sample
from callwatch.models.shapes.alerting.routing import RoutePage
from callwatch.monitor.own_samples import measure_configuration
from callwatch.settings import get_settings, reset_settings
from tests.support.api_shapes import check_shape

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NIGHT: dict[str, Any] = {"name": "night", "match": {"stage": "a"}, "channels": ["slack"]}
MAIL: dict[str, Any] = {"name": "mail", "match": {"stage": "b"}, "channels": ["email", "slack"]}


@pytest.fixture(autouse=True)
def _slow(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure Slack, and a rule whose alerts the routes move."""
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "https://hooks.slack.example.com/x")
    reset_settings()
    alert_manager.add_rule(AlertRule("slow", "Slow", AlertLevel.ERROR, [AlertChannel.LOG], [Condition("test.slow", ">", 10)]))
    yield
    alert_manager._added.clear()


def save(version: Any, *routes: Any, actor: str = "ana", **more: Any) -> RoutePage:
    with connection() as conn:
        replace_own_routes(conn, {"version": version, "routes": list(routes), **more}, actor, get_settings())
        conn.commit()
        found = show_routes(conn, get_settings())
    check_shape(RoutePage, found)
    return found


def cycle(minute: float, *stages: str) -> None:
    samples = [Sample("test.slow", 20.0 if stage in stages else 1.0, None, {"stage": stage}) for stage in "abc"]
    with connection() as conn:
        evaluate_rules(conn, samples, NOW + timedelta(minutes=minute), only_metrics=frozenset({"test.slow"}))
        conn.commit()


def queued() -> list[str]:
    """Take the channels of what was queued since the last call."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT channel FROM callwatch.deliveries WHERE channel <> 'database' AND state = 'due'")
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent' WHERE state = 'due'")
        conn.commit()
    return sorted(row["channel"] for row in rows)


def test_a_route_for_a_rule_that_is_not_there_is_named() -> None:
    named = {**NIGHT, "match": {"rule": ["slow", "slwo", "sl*", "high_*", "*_hgih"]}}
    assert save(0, named)["items"][0]["rules_unknown"] == ["slwo", "*_hgih"]
    known = show_known_routes(get_settings(), "PostgreSQL is down")
    check_shape(RoutePage, known)
    assert known["items"][0]["rules_unknown"] is None, "rules of the page are not known without the database"
    assert known["unknown"]["items.0.rules_unknown"].code == "unavailable"


def test_a_route_is_in_force_from_the_next_evaluation() -> None:
    found = save(0, NIGHT, MAIL, reason="the night shift")
    assert (found["version"], found["source"], found["page_problem"]) == (1, "default", None)
    assert [(item["name"], item["source"]) for item in found["items"]] == [
        ("night", "page"), ("mail", "page"), ("default", "default"),
    ]  # fmt: skip
    assert found["items"][1]["channels_not_configured"] == ["email"]
    assert [item["rules_unknown"] for item in found["items"]] == [[], [], []]
    cycle(0, "a")
    assert queued() == ["slack"]
    cycle(1, "a", "c")
    assert queued() == ["log"]
    save(1)
    cycle(2, "b")
    assert "slack" in queued(), "an end goes where the alert was sent"


def test_history_holds_who_when_why_and_what() -> None:
    save(0, NIGHT, reason="the night shift")
    louder = {**NIGHT, "channels": ["log"]}
    save(1, MAIL, louder, actor="ben", reason="ask ana@example.com")
    found = save(2, louder, MAIL, actor="cem")
    history = found["history"] or []
    assert [(each["version"], each["actor"], each["reason"]) for each in history] == [
        (3, "cem", "no reason given"), (2, "ben", "ask [email]"), (1, "ana", "the night shift"),
    ]  # fmt: skip
    assert history[1]["changes"] == [
        {"name": "mail", "action": "add", "after": MAIL},
        {"name": "night", "action": "change", "before": NIGHT, "after": louder},
    ]
    assert [(change["name"], change["action"]) for change in history[0]["changes"]] in ([("night", "move")], [("mail", "move")])


def test_two_editors_do_not_overwrite_each_other() -> None:
    save(0, NIGHT)
    save(1, NIGHT, MAIL, actor="ben")
    with pytest.raises(Conflict, match=r"version 2 of the routes is in force, saved by ben at .*, and not 1") as caught:
        save(1, MAIL)
    assert caught.value.code == "changed_meanwhile"
    assert len(save(2, NIGHT, MAIL)["items"]) == 3


def test_a_save_that_is_repeated_is_one_version() -> None:
    save(0, NIGHT)
    assert save(0, NIGHT)["version"] == 1
    assert save(1, NIGHT)["version"] == 1


def test_only_one_of_many_editors_at_once_wins() -> None:
    said: list[str] = []

    def edit(number: int) -> None:
        try:
            save(0, {**NIGHT, "name": f"n{number}"})
            said.append("saved")
        except RequestRefused as error:
            said.append(error.code)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["changed_meanwhile"] * 3 + ["saved"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "routes: must come in an object with version, routes, reason"),
        ({"version": 0, "routes": [], "name": "x"}, "routes: must come in an object"),
        ({"routes": []}, "version: must be the version of GET /api/routes"),
        ({"version": True, "routes": []}, "version: must be"),
        ({"version": 0}, "routes: must be a list"),
        ({"version": 0, "routes": [], "reason": 5}, "reason: must be a text"),
        ({"version": 0, "routes": [{**NIGHT, "name": "default"}]}, "routes.0.name: default is also the name"),
    ],
)
def test_a_body_that_cannot_be_names_its_field(given: Any, said: str) -> None:
    with connection() as conn, pytest.raises(Invalid) as caught:
        replace_own_routes(conn, given, "ana", get_settings())
    assert caught.value.message.startswith(said), caught.value.message


def test_a_draft_is_tried_and_not_saved() -> None:
    save(0, MAIL)
    with connection() as conn:

        def ask(**given: Any) -> Any:
            return try_routes(conn, {"rule_id": "slow", "labels": {"stage": "b"}, **given}, get_settings(), NOW)

        assert (ask()["route"], ask()["source"]) == ("mail", "page")
        draft = ask(routes=[{"name": "log", "match": {"rule": "slow"}, "channels": ["log"]}])
        assert (draft["route"], draft["channels"], draft["source"]) == ("log", ["log"], "page")
        assert (ask(routes=[])["route"], ask(routes=[])["source"]) == ("default", "default")
        with pytest.raises(Invalid, match="names pager"):
            ask(routes=[{**NIGHT, "channels": ["pager"]}])
        assert show_routes(conn, get_settings())["version"] == 1


def test_an_edit_is_named_before_an_alert_and_in_what_changed() -> None:
    save(0, NIGHT, reason="the night shift")
    now = datetime.now(UTC)
    with connection() as conn:
        changes = list_changes(conn, {1: now + timedelta(minutes=1)})[1]
        reported = list_reported_changes(conn, now - timedelta(hours=1), now + timedelta(minutes=1), 50)
    assert [(change["kind"], change["title"]) for change in changes] == [
        ("setting", "Routes: night added by ana, the night shift"),
    ]
    assert [(each["kind"], each["subject"], each["details"]) for each in reported] == [
        ("routes", "version 1", "night added: the night shift"),
    ]


def test_routes_that_cannot_be_read_stay_in_force() -> None:
    save(0, NIGHT)
    cycle(0, "c")
    queued()
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.route_versions RENAME TO hidden")
        conn.commit()
    cycle(1, "a", "c")
    assert queued() == ["slack"]
    with connection() as conn:
        measure_configuration(conn, NOW)
        rows = fetch_all(conn, "SELECT variable, message FROM callwatch.setting_problems")
    assert rows[0]["variable"] == "#/routes"
    assert "the routes of the page cannot be read" in rows[0]["message"]
    assert "version 1 was the last to be read here" in rows[0]["message"]


def test_a_damaged_route_is_told_and_the_others_stay() -> None:
    save(0, NIGHT, MAIL)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.route_versions SET routes = jsonb_set(routes, '{0,wait_s}', '\"x\"')")
        samples = measure_configuration(conn, NOW)
        found = show_routes(conn, get_settings())
    assert [item["name"] for item in found["items"]] == ["mail", "default"]
    assert "the route night of the page is not in force" in (found["page_problem"] or "")
    assert samples[0].labels == {"variable": "#/routes", "affects": "routes"}
    cycle(0, "a", "b")
    assert queued() == ["log", "slack"]


def test_an_outage_goes_by_the_routes_that_were_read_last() -> None:
    save(0, {"name": "database", "match": {"rule": "database_health"}, "channels": ["slack"]})
    cycle(0)
    sent: Any = start_database_outage(OutageMemory(DATABASE), NOW, "it hangs", deadline_s=0.0)["sent"]
    notice = OutageMemory(DATABASE).load()["notices"][0]
    assert set(notice["channels"]) == {"slack"}, sent


def test_without_the_database_the_last_routes_are_shown() -> None:
    save(0, NIGHT)
    found = show_known_routes(get_settings(), "it hangs")
    check_shape(RoutePage, found)
    assert [item["name"] for item in found["items"]] == ["night", "default"]
    assert (found["version"], found["history"]) == (None, None)
    assert set(found["unknown"]) == {"version", "history"}
    assert found["page_problem"] == "the routes of the page cannot be read (it hangs); version 1 was the last to be read here"


def test_versions_are_bounded_and_the_newest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.alert_queries.own_routes._MAX_VERSIONS", 3)
    for version in range(5):
        save(version, {**NIGHT, "repeat_s": 300 + version})
    with connection() as conn:
        rows = fetch_all(conn, "SELECT version FROM callwatch.route_versions ORDER BY version")
    assert [row["version"] for row in rows] == [3, 4, 5]


def test_routes_of_the_file_go_on_below(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    file = tmp_path / "routes.json"
    file.write_text('[{"name": "night", "match": {"stage": "c"}, "channels": ["slack"]}, {"name": "default"}]')
    save(0, NIGHT)
    monkeypatch.setenv("ROUTES_FILE", str(file))
    reset_settings()
    with connection() as conn:
        found = show_routes(conn, get_settings())
    assert found["page_problem"] == "night is also the name of a route of the file; rename one"
    cycle(0, "a", "b", "c")
    assert queued() == ["log", "slack", "slack"]

"""ROUTES_FILE: valid entries become routes, invalid ones are named with their line and the remedy; what routes match."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.routing.dry_run import explain_mismatch
from callwatch.alerts.routing.route import DEFAULT_ROUTES, Match, Route, find_route
from callwatch.alerts.routing.routes_file import read_routes
from callwatch.alerts.routing.routes_in_force import check_routes, get_routes, list_problems, list_routed_channels
from callwatch.alerts.routing.show_routes import show_known_routes
from callwatch.alerts.rules.builtin import RULES
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertLevel
from callwatch.settings import Settings

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHANNELS = {"log", "slack", "pagerduty", "email"}
HOURS = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "duration_s": 36_000, "timezone": "Europe/Berlin"}
LAST: dict[str, Any] = {"name": "default"}


def read(tmp_path: Path, *routes: Any) -> tuple[Route, ...]:
    file = tmp_path / "routes.json"
    file.write_text(json.dumps(list(routes), indent=1))
    return read_routes(file, CHANNELS.__contains__)


def fault(tmp_path: Path, *routes: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, *routes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def name_route(routes: tuple[Route, ...], level: str = "error", rule: str = "r", at: datetime = NOW, **labels: str) -> str:
    return find_route(routes, rule, level, labels, at)[1].name


def test_each_part_of_a_match_must_hold(tmp_path: Path) -> None:
    routes = read(
        tmp_path,
        {"name": "vendor", "match": {"rule": ["vendor_*", "service_down"], "level": "critical", "service": "openai"}},
        {"name": "stage", "match": {"stage": ["trans*", "analyses"], "environment": "production", "project": "1"}},
        {"name": "test", "match": {"labels": {"agency": {"op": "=~", "value": "eu-.*"}, "tier": {"op": "!=", "value": "free"}}}},
        {"name": "equal", "match": {"labels": {"cron": "backfill", "kind": {"op": "=", "value": "a.c"}}}},
        LAST,
    )
    assert name_route(routes, "critical", "vendor_quota", service="openai") == "vendor"
    assert name_route(routes, "critical", "service_down", service="openai") == "vendor"
    assert name_route(routes, "error", "vendor_quota", service="openai") == "default"
    assert name_route(routes, "critical", "vendor_quota", service="deepgram") == "default"
    assert name_route(routes, stage="transcriptions", environment="production", project="1") == "stage"
    assert name_route(routes, stage="transcriptions", environment="staging", project="1") == "default"
    assert name_route(routes, agency="eu-3", tier="gold") == "test"
    assert name_route(routes, agency="eu-3", tier="free") == "default"
    assert name_route(routes, cron="backfill", kind="a.c") == "equal"
    assert name_route(routes, cron="backfill", kind="abc") == "default", "a text is no regular expression"


@pytest.mark.parametrize(
    ("local", "route"),
    [("07:59", "default"), ("08:00", "day"), ("17:59", "day"), ("18:00", "default")],
)
@pytest.mark.parametrize("day", ["2026-07-01", "2026-11-30", "2026-03-30"])
def test_hours_are_local_in_summer_and_winter(tmp_path: Path, day: str, local: str, route: str) -> None:
    from zoneinfo import ZoneInfo

    at = datetime.fromisoformat(f"{day}T{local}").replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert name_route(read(tmp_path, {"name": "day", "match": {"hours": HOURS}}, LAST), at=at) == route


def test_the_first_route_that_matches_has_the_alert(tmp_path: Path) -> None:
    routes = read(tmp_path, {"name": "a", "match": {"level": ["critical", "error"]}}, {"name": "b", "match": {"rule": "*"}}, LAST)
    assert [name_route(routes, level) for level in ("critical", "error", "warning")] == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("route", "field", "said"),
    [
        ({"name": "no name!"}, "name", "must be 1 to 60 letters"),
        ({"match": {"level": "critical"}}, "name", "is missing"),
        ({"name": "a", "match": {"level": "urgent"}}, "match", "must have as level one or several of info, warning"),
        ({"name": "a", "match": {"levels": ["error"]}}, "match", "must be an object with any of level, rule"),
        ({"name": "a", "match": {"rule": []}}, "match", "must have as rule a text or a list"),
        ({"name": "a", "match": {"hours": {**HOURS, "timezone": "Mars/Base"}}}, "match", "must have as hours"),
        ({"name": "a", "match": {"hours": {**HOURS, "start": "25:00"}}}, "match", "must have as hours"),
        ({"name": "a", "match": {"labels": {"x": {"op": "=~", "value": "(a"}}}}, "match", "another regular expression"),
        ({"name": "a", "match": {"labels": {"x": {"op": "<", "value": "1"}}}}, "match", "must test the label x"),
        ({"name": "a", "match": {"stage": "a", "labels": {"stage": "b"}}}, "match", "none of which it names twice"),
        ({"name": "a", "match": "critical"}, "match", "must be an object"),
        ({"name": "a", "channels": "slack"}, "channels", "must be a list of channels"),
        ({"name": "a", "channels": []}, "channels", "must be a list of channels"),
        ({"name": "a", "channels": ["pager"]}, "channels", "names pager, which is no channel"),
        ({"name": "a", "group_by": "stage"}, "group_by", "must be a list of names of labels"),
        ({"name": "a", "wait_s": -1}, "wait_s", "must be seconds from 0 to 3600"),
        ({"name": "a", "wait_s": True}, "wait_s", "must be seconds from 0 to 3600"),
        ({"name": "a", "repeat_s": 60}, "repeat_s", "must be seconds from 300"),
        ({"name": "a", "repeat_s": {"critical": 600, "loud": 600}}, "repeat_s", "must be seconds from 300"),
        ({"name": "a", "chanels": ["slack"]}, "chanels", "is not a field of a route; fields are name, match"),
    ],
)
def test_a_bad_field_is_named_with_its_line(tmp_path: Path, route: dict[str, Any], field: str, said: str) -> None:
    found = fault(tmp_path, route, LAST)
    lines = (tmp_path / "routes.json").read_text().splitlines()
    line = next(place for place, text in enumerate(lines, 1) if text.startswith(f'  "{field}"')) if field in route else 2
    assert found.startswith(f"ROUTES_FILE, line {line}: {field} "), found
    assert said in found


def test_a_file_without_a_catch_all_is_refused(tmp_path: Path) -> None:
    assert "match must be left out in the last route" in fault(tmp_path, {"name": "a", "match": {"level": "critical"}})
    assert "match must be left out in the last route" in fault(tmp_path)
    found = fault(tmp_path, {"name": "a"}, {"name": "b", "match": {"level": "critical"}}, LAST)
    assert found.startswith("ROUTES_FILE, line 2: match must not be left out or empty here: the route in line 5")
    assert "must be unique" in fault(tmp_path, {"name": "a", "match": {"level": "info"}}, {"name": "a"})


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[1]", '[{"name": "a", "name": "b"}]', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_foreign_text_is_one_line(tmp_path: Path, text: str | bytes) -> None:
    file = tmp_path / "routes.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError, match=r"^ROUTES_FILE") as caught:
        read_routes(file, CHANNELS.__contains__)
    assert "\n" not in str(caught.value)


def test_a_bad_file_costs_only_the_routes(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('[{"name": "a", "channels": ["pager"]}]')
    settings = Settings(routes_file=str(file), slack_alert_webhook="https://slack.example.com/x")
    found = get_routes(settings)
    assert (found.routes, found.is_from_file) == (DEFAULT_ROUTES, False)
    (problem,) = list_problems(settings)
    assert (problem.variable, problem.affects) == ("ROUTES_FILE", "routes")
    assert problem.message == "ROUTES_FILE, line 1: channels names pager, which is no channel; GET /api/channels lists them"
    with pytest.raises(ConfigurationError, match="names pager"):
        check_routes(settings)


def test_without_a_file_each_rule_keeps_its_channels() -> None:
    settings = Settings(slack_alert_webhook="https://slack.example.com/x", pagerduty_routing_key="k" * 32)
    for rule in RULES:
        _place, route = get_routes(settings).find(rule, {}, NOW)
        assert list_routed_channels(route, rule, settings, {}) == [
            name for name in ("log", "slack", "pagerduty") if name in (*rule.channels, *rule.also)
        ]


def test_a_route_without_usable_channels_keeps_the_rules() -> None:
    rule = next(rule for rule in RULES if rule.id == "vendor_quota")
    assert list_routed_channels(Route("a", channels=("slack",)), rule, Settings(), {}) == ["log"]
    broken = next(rule for rule in RULES if rule.id == "channel_broken")
    settings = Settings(slack_alert_webhook="https://slack.example.com/x", pagerduty_routing_key="k" * 32)
    route = Route("a", channels=("slack", "pagerduty"))
    assert list_routed_channels(route, broken, settings, {"channel": "slack"}) == ["pagerduty"]


texts = st.text("ab*.(", max_size=4)
labels = st.dictionaries(st.sampled_from(["stage", "service"]), texts, max_size=2)
matches = st.builds(
    Match,
    levels=st.frozensets(st.sampled_from(list(map(str, AlertLevel)))),
    rules=st.lists(st.sampled_from(["a", "b.*"]), max_size=2).map(tuple),
    labels=st.dictionaries(
        st.sampled_from(["stage", "service"]), st.lists(st.sampled_from(["a", "a.*", ""]), min_size=1).map(tuple)
    ),
)


@given(st.lists(matches, max_size=4), st.sampled_from(["a", "b", "bb"]), st.sampled_from(list(map(str, AlertLevel))), labels)
def test_every_alert_has_one_route_and_each_earlier_one_a_reason(
    found: list[Match], rule: str, level: str, given_labels: dict[str, str]
) -> None:
    routes = (*(Route(str(place), match) for place, match in enumerate(found)), Route("last"))
    place, route = find_route(routes, rule, level, given_labels, NOW)
    assert routes[place] is route
    assert route.match.holds(rule, level, given_labels, NOW)
    for earlier in routes[:place]:
        assert explain_mismatch(earlier.match, rule, level, given_labels, NOW) != "it matches"


def test_repeat_is_one_number_or_one_by_level(tmp_path: Path) -> None:
    one, by_level, _last = read(
        tmp_path,
        {"name": "one", "match": {"level": "error"}, "repeat_s": 3600},
        {"name": "by", "match": {"level": "critical"}, "repeat_s": {"critical": 900, "warning": None}},
        LAST,
    )
    assert one.repeat == dict.fromkeys(AlertLevel, timedelta(hours=1))
    assert by_level.repeat == {"critical": timedelta(minutes=15), "warning": None}


def test_routes_are_shown_as_the_file_has_them(tmp_path: Path) -> None:
    file = tmp_path / "shown.json"
    night = {
        "name": "night",
        "match": {"level": ["critical"], "stage": "rec*", "hours": HOURS},
        "channels": ["slack", "log"],
        "escalation": [{"after_s": 900, "channels": ["pagerduty"]}],
    }
    file.write_text(json.dumps([night, LAST]))
    found = show_known_routes(Settings(routes_file=str(file)), "it hangs")
    assert (found["source"], found["problem"]) == ("file", None)
    first, last = found["items"]
    assert first["definition"] == night
    assert (first["channels"], first["channels_not_configured"]) == (["slack", "log"], ["slack", "pagerduty"])
    assert (first["matches_all"], first["uses_rule_channels"]) == (False, False)
    assert (last["matches_all"], last["uses_rule_channels"], last["channels"]) == (True, True, [])


def test_a_broken_file_shows_the_default_route_and_why(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("[1]")
    found = show_known_routes(Settings(routes_file=str(file)), "it hangs")
    assert found["source"] == "default"
    assert "ROUTES_FILE" in (found["problem"] or "")
    assert [item["definition"] for item in found["items"]] == [{"name": "default"}]

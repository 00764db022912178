"""Routes of the page: checked by the code of ROUTES_FILE, each error with its place; no alert is left without a route."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.routing.known_routes import KNOWN, restore_own_routes
from callwatch.alerts.routing.own_route_changes import list_route_changes, summarize
from callwatch.alerts.routing.own_routes import OwnRoutes, load_own_routes, parse_own_routes
from callwatch.alerts.routing.route import find_route
from callwatch.alerts.routing.routes_in_force import join_routes
from callwatch.exceptions import Invalid
from callwatch.settings import Settings

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHANNELS = {"log", "slack"}
NIGHT: dict[str, Any] = {"name": "night", "match": {"level": "critical"}, "channels": ["slack"]}
MAIL: dict[str, Any] = {"name": "mail", "match": {"stage": "rec*"}, "repeat_s": 600}


def parse(*routes: Any, taken: frozenset[str] = frozenset({"default"})) -> list[str]:
    return [route.name for route in parse_own_routes(list(routes), CHANNELS.__contains__, taken)]


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([NIGHT, {"name": "mail"}], "routes.1.match: must say what the route matches"),
        ([{**NIGHT, "match": {}}], "routes.0.match: must say what the route matches"),
        ([NIGHT, MAIL, NIGHT], "routes.2.name: night is also the name of another route of the page"),
        ([{**NIGHT, "name": "default"}], "routes.0.name: default is also the name of a route of the file"),
        ([{**NIGHT, "channels": ["pager"]}], "routes.0.channels: names pager, which is no channel"),
        ([{**NIGHT, "wait_s": -1}], "routes.0.wait_s: must be seconds from 0 to 3600"),
        ([{**NIGHT, "chanels": []}], "routes.0.chanels: is not a field of a route; fields are name, match"),
        ([{"match": {"level": "info"}}], "routes.0.name: is missing"),
        (["night"], "routes: must be a list of routes such as"),
        ([{**NIGHT, "name": f"n{n}"} for n in range(101)], "routes: must be at most 100 routes"),
        ([{**NIGHT, "match": {"rule": ["x" * 70_000]}}], "routes: must be at most 100 routes, with 64,000 characters"),
        ([{**NIGHT, "match": {"labels": {"a\u0000": "b"}}}], "routes.0.match: must test the label"),
    ],
)
def test_a_bad_route_is_named_with_its_place(routes: list[Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(*routes)
    assert caught.value.message.startswith(said), caught.value.message


@pytest.mark.parametrize("given", [None, {}, "[]", 5])
def test_what_is_no_list_is_refused(given: Any) -> None:
    with pytest.raises(Invalid, match="must be a list of routes"):
        parse_own_routes(given, CHANNELS.__contains__, ())


def test_deep_nesting_is_refused() -> None:
    deep: Any = []
    for _level in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid, match="64,000 characters"):
        parse({**NIGHT, "match": deep})


def test_routes_of_the_page_stand_before_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    file.write_text(json.dumps([{"name": "all", "match": {"level": ["critical", "error"]}}, {"name": "default"}]))
    own = OwnRoutes(1, parse_own_routes([NIGHT], CHANNELS.__contains__, ()))
    found = join_routes(Settings(routes_file=str(file)), own)
    assert [(route.name, found.name_source(place)) for place, route in enumerate(found.routes)] == [
        ("night", "page"), ("all", "file"), ("default", "file"),
    ]  # fmt: skip
    names = [find_route(found.routes, "r", level, {}, NOW)[1].name for level in ("critical", "error", "info")]
    assert names == ["night", "all", "default"]


def test_a_damaged_stored_route_costs_only_itself() -> None:
    found = load_own_routes(7, json.dumps([NIGHT, {**MAIL, "wait_s": "x"}, {"name": "all"}, 5, NIGHT, {**MAIL, "name": "last"}]))
    assert [route.name for route in found.routes] == ["night", "last"]
    assert set(found.broken) == {"mail", "all", "number 4", "night"}
    assert "the route mail of the page is not in force: routes.1.wait_s" in "; ".join(found.list_problems())


def test_a_channel_that_is_gone_leaves_its_route_in_force() -> None:
    found = load_own_routes(1, json.dumps([{**NIGHT, "channels": ["slack:gone"]}]))
    assert (found.routes[0].channels, found.broken) == (("slack:gone",), {})


@given(st.text(max_size=60) | st.recursive(st.none() | st.text(max_size=5), st.lists, max_leaves=5).map(json.dumps))
def test_any_stored_text_leaves_an_alert_its_route(text: str) -> None:
    own = load_own_routes(1, text)
    assert find_route(join_routes(Settings(), own).routes, "r", "error", {}, NOW)[1].name == "default"


def test_routes_that_were_read_last_are_remembered() -> None:
    assert restore_own_routes("down").version is None
    KNOWN.save({"version": 4, "routes": json.dumps([NIGHT])})
    KNOWN.forget_process()
    found = restore_own_routes("down")
    assert ([route.name for route in found.routes], found.version) == (["night"], 4)
    assert found.list_problems() == ["the routes of the page cannot be read (down); version 4 was the last to be read here"]
    KNOWN.save({"version": "x", "routes": 5})
    assert restore_own_routes("down").list_problems() == [
        "the routes of the page cannot be read (down); none was read here before"
    ]


def test_each_change_is_listed_with_before_and_after() -> None:
    louder = {**NIGHT, "channels": ["log"]}
    found = list_route_changes([NIGHT, MAIL], [{**MAIL, "name": "new"}, louder])
    assert found == [
        {"name": "new", "action": "add", "after": {**MAIL, "name": "new"}},
        {"name": "night", "action": "change", "before": NIGHT, "after": louder},
        {"name": "mail", "action": "remove", "before": MAIL},
    ]
    assert summarize(found) == "new added, night changed, mail removed"
    assert len(summarize([{"name": "n" * 60, "action": "move"}] * 100)) == 500


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.randoms(use_true_random=False))
def test_moved_routes_are_what_an_order_differs_by(names: list[str], random: Any) -> None:
    other = random.sample(names, len(names))
    changes = list_route_changes([{"name": name} for name in names], [{"name": name} for name in other])
    moved = {change["name"] for change in changes}
    assert {change["action"] for change in changes} <= {"move"}
    assert [name for name in names if name not in moved] == [name for name in other if name not in moved]
    assert bool(moved) == (names != other)


def test_one_route_that_is_moved_is_the_one_that_is_named() -> None:
    names = [{"name": name} for name in "abcd"]
    assert [change["name"] for change in list_route_changes(names, [names[3], *names[:3]])] == ["d"]

"""Errors that clients of Go and Ruby sent: what is kept of them, and which of them are one error."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.grouping.fingerprint import compute_fingerprint, render_title
from callwatch.grouping.in_app import is_in_app
from callwatch.ingest.routes import is_path_of_call, name_endpoint
from callwatch.ingest.sentry.convert import convert

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "clients"
CLIENTS = ("sentry_go", "raven_go", "sentry_ruby", "sentry_raven")


def read_events(name: str) -> list[dict[str, Any]]:
    return [convert(json.loads(line), "key") for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def list_groups(name: str) -> list[list[str]]:
    """The titles of each group, in the order of its first event."""
    groups: dict[str, list[str]] = defaultdict(list)
    for event in read_events(name):
        groups[compute_fingerprint(event)].append(render_title(event))
    return list(groups.values())


def test_errors_of_sentry_go_group_by_cause() -> None:
    assert list_groups("sentry_go") == [
        [f"*fmt.wrapError: load order {number}: connection refused" for number in (1001, 2002, 1001)],
        [f"*errors.withStack: charge: order {number} is not payable" for number in (1001, 2002)],
        ["import 31 took too long", "import 32 took too long"],
        ["runtime.boundsError: runtime error: index out of range [4] with length 0"],
        ["plain text panic"],
        ["*errors.withStack: charge: order 4711 is not payable"] * 2,
        ["runtime.plainError: assignment to entry in nil map"],
    ]


def test_errors_of_raven_go_group_by_cause() -> None:
    # All of them are of one type, and are reported in one function.
    assert list_groups("raven_go") == [
        [f"*errors.errorString: load order {number}: connection refused" for number in (1001, 2002)],
        [f"*errors.errorString: order {number} is gone" for number in (1001, 2002)],
        ["import 1001 took too long", "import 2002 took too long"],
        ["runtime.plainError: assignment to entry in nil map"],
    ]


def test_errors_of_sentry_ruby_group_by_cause() -> None:
    assert list_groups("sentry_ruby") == [
        [f"Order::NotPayable: order {number} is not payable" for number in (1001, 2002)],
        [f"RuntimeError: order {number} could not be loaded" for number in (1001, 2002)],
        ["NoMethodError: undefined method `foo' for nil:NilClass"] * 2,
        ["import 1001 took too long", "import 2002 took too long"],
        ["Order::NotPayable: bad /boom/7", "Order::NotPayable: bad /boom/8"],
    ]


def test_errors_of_sentry_raven_group_by_cause() -> None:
    assert list_groups("sentry_raven") == list_groups("sentry_ruby")[:2] + list_groups("sentry_ruby")[3:4]


@pytest.mark.parametrize("name", CLIENTS)
def test_every_event_says_where_it_comes_from(name: str) -> None:
    for event in read_events(name):
        known = (event["environment"], event["release"], event["service"], event["trimmed"])
        assert known == ("staging", "shop@2.4.0", "web-7", [])
        assert event["user_hash"]
        assert "u-77" not in json.dumps({name: event[name] for name in ("user_hash", "context", "tags")})


@pytest.mark.parametrize("name", CLIENTS)
def test_every_frame_names_its_file(name: str) -> None:
    frames = [frame for event in read_events(name) for frame in event["frames"] or []]
    assert frames
    assert all(frame["filename"] for frame in frames)


def test_breadcrumbs_and_tags_come_along() -> None:
    for name in ("sentry_go", "sentry_ruby", "sentry_raven"):
        event = read_events(name)[0]
        assert [crumb["message"] for crumb in event["breadcrumbs"]] == ["signed in"]
        assert event["tags"] == {"tenant": "acme"}


def test_innermost_own_frame_of_go_is_the_last() -> None:
    event = next(event for event in read_events("sentry_go") if event["endpoint"])
    functions = [(frame["function"], is_in_app(frame)) for frame in event["frames"]]
    assert functions[-3:] == [("HandlerFunc.ServeHTTP", False), ("(*server).pay", True), ("charge", True)]


def test_endpoint_of_an_error_has_no_ids() -> None:
    found = {name: {event["endpoint"] for event in read_events(name)} for name in ("sentry_go", "sentry_ruby")}
    assert found == {
        "sentry_go": {None, "GET /orders/{id}", "GET /boom/{id}"},
        "sentry_ruby": {None, "/boom/{id}"},
    }


@pytest.mark.parametrize(
    ("name", "source", "url", "shown"),
    [
        ("GET /orders/81", None, "http://shop.example.com/orders/81", "GET /orders/{id}"),
        ("/orders/81/", "custom", "https://shop.example.com/orders/81?q=1", "/orders/{id}/"),
        ("/orders/81", "url", None, "/orders/{id}"),
        ("POST https://shop.example.com/orders/81?q=1", None, "/orders/81", "POST /orders/{id}"),
        ("/orders/81", "route", "/orders/81", "/orders/81"),
        ("/v2/orders/81", None, "/orders/81", "/v2/orders/{id}"),
        ("/calls/1001?page=2", "custom", None, "/calls/{id}"),
        ("GET /calls/8f507cfc-aaaa-4697-b07a-ac58fc914c95/notes", None, None, "GET /calls/{id}/notes"),
        ("/api/0/reports/2026-05-01", None, None, "/api/0/reports/{id}"),
        ("/calls/[id]", None, None, "/calls/[id]"),
        ("/404", None, None, "/404"),
        ("OrdersController#show", None, "/orders/81", "OrdersController#show"),
        ("GET /orders/{id}", None, "/orders/81", "GET /orders/{id}"),
        ("/health", None, "http://shop.example.com/health", "/health"),
        ("main.main", None, None, "main.main"),
    ],
)  # fmt: skip
def test_path_of_one_call_loses_its_ids(name: str, source: str | None, url: str | None, shown: str) -> None:
    assert name_endpoint(name, source, url) == shown


TEXTS = st.text(st.sampled_from("/:?#GET a1[]."), max_size=30)


@given(TEXTS, st.none() | st.sampled_from(["url", "route", "custom"]) | st.integers(), st.none() | TEXTS | st.integers())
def test_names_of_any_shape_raise_nothing(name: str, source: Any, url: Any) -> None:
    shown = name_endpoint(name, source, url)
    assert is_path_of_call(name, source, url) or "/" in name or shown == name
    assert name_endpoint(shown) == name_endpoint(name_endpoint(shown))
    assert name_endpoint(name_endpoint(name, "url", url), "url", url) == name_endpoint(name, "url", url)

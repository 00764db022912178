"""The unmodified Node.js SDK as a client of the running system: errors of every kind, and traces in both forms."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local.system import System
from tests.functions.test_sentry import group_with, letters

CLIENT = Path(__file__).resolve().parents[1] / "node" / "raise.mjs"


def run_client(system: System, marker: str, **options: Any) -> None:
    environ = {**os.environ, "DSN": system.dsn, "MARKER": marker, "OPTIONS": json.dumps(options)}
    done = subprocess.run(["node", str(CLIENT)], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def read_payload(system: System, group: dict[str, Any]) -> dict[str, Any]:
    occurrence: dict[str, Any]
    (occurrence,) = system.get(f"/api/errors/{group['id']}")["occurrences"]
    return occurrence


def routes(system: System) -> dict[str, dict[str, Any]]:
    return {route["route"]: route for route in system.get("/api/metrics/system")["api"]["by_route"] or []}


def test_the_node_sdk_just_works(system: System) -> None:
    marker = letters()
    run_client(system, marker)
    nested = group_with(system, f"outer {marker}")
    assert (nested["type"], nested["environment"], nested["release"], nested["users"]) == ("Error", "staging", "node-2.4.0", 1)
    payload = read_payload(system, nested)
    assert [link["type"] for link in payload["exceptions"]] == ["TypeError", "Error"]
    assert payload["tags"] == {"queue": "transcription"}
    assert payload["breadcrumbs"][0]["message"] == "dialled [phone]"
    assert payload["context"]["extra"] == {"customer_name": "[name]"}
    assert payload["frames"][-1]["function"] == "nested"
    assert payload["user_hash"]
    private = ("bob@", "John Smith", "2671", "203.0.113.7", "user-1")
    assert not [text for text in private if text in json.dumps(payload)]

    many = read_payload(system, group_with(system, f"group {marker}"))
    assert {link["type"] for link in many["exceptions"]} == {"AggregateError", "TypeError", "RangeError"}
    message = group_with(system, f"message {marker}")
    assert (message["type"], message["level"], message["severity"]) == (None, "warning", "low")
    assert group_with(system, f"attached {marker}")["count"] == 1

    # The SDK's own http.server spans: the path is the route, without the id and the query.
    found = system.wait_until(lambda: f"/broken/{marker}" in routes(system) and routes(system), what="the routes of the spans")
    assert (found[f"/broken/{marker}"]["count"], found[f"/broken/{marker}"]["errors"]) == (1, 1)
    assert (found[f"/node-{marker}/{{id}}"]["count"], found[f"/node-{marker}/{{id}}"]["errors"]) == (1, 0)


def test_the_node_sdk_sends_transactions_where_it_is_told_to(system: System) -> None:
    marker = letters()
    run_client(system, marker, traceLifecycle="static")
    found = system.wait_until(lambda: f"/broken/{marker}" in routes(system) and routes(system), what="the routes of transactions")
    assert (found[f"/broken/{marker}"]["count"], found[f"/broken/{marker}"]["errors"]) == (1, 1)
    assert found[f"/node-{marker}/{{id}}"]["count"] == 1


def test_a_marker_of_letters_is_no_id() -> None:
    assert letters().isalpha()
    assert letters() != letters()

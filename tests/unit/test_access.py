"""Records of access: what is accepted, what is kept of it, and which routes they belong to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.exceptions import ConfigurationError, Rejected
from callwatch.ingest.access import accept_access
from callwatch.scrubbing.identities import hash_identity
from callwatch.settings.pii_routes import find_pii_route, parse_pii_routes

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)
KEY = "k" * 64
GOOD: dict[str, Any] = {
    "actor": "maria@agency.example",
    "subject_kind": "lead",
    "subject_id": "+1 202 555 0143",
    "route": "GET /api/calls/{id}?token=1",
    "request_id": "9f-1",
}


def test_record_keeps_hashes_and_no_id() -> None:
    row = accept_access(GOOD, NOW, KEY)
    assert len(row["record_id"]) == 32
    assert (row["route"], row["subject_kind"], row["request_id"], row["at"]) == (
        "GET /api/calls/{id}",
        "lead",
        "9f-1",
        NOW.isoformat(),
    )
    assert row["subject"] == hash_identity("subject", GOOD["subject_id"], KEY)
    text = json.dumps(row)
    assert "maria" not in text
    assert "0143" not in text


def test_hash_depends_on_key_kind_and_id_alone() -> None:
    hashes = {hash_identity(kind, text, key) for kind in ("actor", "subject") for text in ("1", "2") for key in ("a", "b")}
    assert len(hashes) == 8
    assert hash_identity("subject", " 17 ", KEY) == accept_access({**GOOD, "subject_id": 17}, NOW, KEY)["subject"]
    for key in ("", None):
        with pytest.raises(ConfigurationError):
            accept_access(GOOD, NOW, key)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", None), ("actor", ""), ("actor", "  "), ("actor", 7), ("actor", "x" * 301),
        ("subject_kind", None), ("subject_kind", "two words"), ("subject_kind", "x" * 51), ("subject_kind", "7"),
        ("subject_id", None), ("subject_id", ""), ("subject_id", True), ("subject_id", 1.5), ("subject_id", 10**18),
        ("subject_id", "x" * 301), ("subject_id", ["a"]), ("route", None), ("route", ""), ("route", "x" * 301),
        ("at", "yesterday"), ("at", 7), ("at", "1999-01-01T00:00:00Z"), ("at", "2999-01-01T00:00:00Z"),
        ("request_id", ""), ("request_id", 7), ("request_id", "a b"), ("request_id", "x" * 101), ("request_id", "a\n"),
    ],
)  # fmt: skip
def test_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        accept_access({**GOOD, field: value}, NOW, KEY)
    assert refusal.value.field == field
    assert str(refusal.value)


@pytest.mark.parametrize("item", [None, 3, "text", [GOOD]])
def test_item_that_is_no_object_is_refused(item: Any) -> None:
    with pytest.raises(Rejected):
        accept_access(item, NOW, KEY)


def test_time_is_kept_or_rejected_and_never_moved() -> None:
    for at in (NOW - timedelta(days=30), NOW - timedelta(hours=1), NOW + timedelta(hours=23)):
        assert accept_access({**GOOD, "at": at.isoformat()}, NOW, KEY)["at"] == at.isoformat()


def test_private_part_of_a_route_is_removed() -> None:
    assert "maria" not in accept_access({**GOOD, "route": "/leads/maria.lopez@mail.example"}, NOW, KEY)["route"]


ROUTES = parse_pii_routes("GET  /api/calls/{id}, /api/leads/*,/api/me")


@pytest.mark.parametrize(
    ("route", "method", "expected"),
    [
        ("/api/calls/{id}", "GET", "GET /api/calls/{id}"),
        ("/api/calls/:id", "GET", "GET /api/calls/{id}"),
        ("/api/calls/[id]", None, "GET /api/calls/{id}"),
        ("GET /api/calls/17", None, "GET /api/calls/{id}"),
        ("get /api/calls/17/", None, "GET /api/calls/{id}"),
        ("/api/calls/{id}", "DELETE", None),
        ("DELETE /api/calls/{id}", None, None),
        ("/api/calls", "GET", None),
        ("/api/calls/17/notes", "GET", None),
        ("/api/leads/x", "POST", "/api/leads/*"),
        ("/api/me", "GET", "/api/me"),
        ("/api/men", "GET", None),
        ("", "GET", None),
    ],
)
def test_request_belongs_to_the_configured_route(route: str, method: str | None, expected: str | None) -> None:
    assert find_pii_route(ROUTES, route, method) == expected


@pytest.mark.parametrize("raw", ["calls", "GET calls", "/a b", "/a?x=1", "/x" * 200, ",".join(f"/r{n}" for n in range(51))])
def test_bad_setting_names_what_it_takes(raw: str) -> None:
    with pytest.raises(ValueError, match="routes"):
        parse_pii_routes(raw)

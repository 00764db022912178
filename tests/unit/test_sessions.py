"""Sessions: what a cookie proves, where it counts, and what ends it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.runtime.caller_limits import CallerLimits
from callwatch.sessions.cookie import (
    LIFETIME_S,
    LOCAL_NAME,
    SECURE_NAME,
    begin_session,
    find_cookie,
    name_cookie,
    seal,
    unseal,
    write_cookie,
)
from callwatch.settings import Settings, load_settings
from functions.authorize import describe_caller

EVENTS = Path(__file__).resolve().parents[2] / "events"
ADMIN, VIEWER, OLD = "a" * 24, "v" * 24, "o" * 24
SETTINGS = load_settings({"ADMIN_SECRET": f"ana:{ADMIN}", "VIEWER_SECRET": f"tv:{VIEWER}"})
NOW_MS = 1_900_000_000_000
HTTPS = {"x-callwatch-session": "1", "x-forwarded-proto": "https", "host": "ops.example.com"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [NOW_MS / 1000]
    monkeypatch.setattr("functions.authorize.time.time", lambda: at[0])
    return at


def ask(value: str, settings: Settings = SETTINGS, **headers: str) -> Any:
    event = json.loads((EVENTS / "authorize.json").read_text())
    event["headers"] = {**HTTPS, **{name.replace("_", "-"): text for name, text in headers.items()}}
    event["cookies"] = ["other=1", f"{SECURE_NAME}={value}"]
    return describe_caller(event, settings, CallerLimits())


def test_a_cookie_stands_for_its_token(clock: list[float]) -> None:
    session = begin_session("admin", "ana", NOW_MS)
    known = {"role": "admin", "actor": "ana", "session_id": session.id, "session_issued_ms": NOW_MS}
    assert ask(seal(session, ADMIN)) == known
    assert ask(seal(session, ADMIN), sec_fetch_site="same-origin") == known


def test_a_token_goes_before_the_cookie(clock: list[float]) -> None:
    cookie = seal(begin_session("admin", "ana", NOW_MS), ADMIN)
    assert ask(cookie, authorization=f"Bearer {VIEWER}") == {"role": "viewer", "actor": "tv"}
    assert ask(cookie, authorization="Bearer wrong")["role"] == "none"


@pytest.mark.parametrize(
    "headers",
    [
        {"x_callwatch_session": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"x_forwarded_proto": "http"},
    ],
)
def test_a_cookie_of_another_origin_is_nobody(headers: dict[str, str], clock: list[float]) -> None:
    cookie = seal(begin_session("admin", "ana", NOW_MS), ADMIN)
    assert ask(cookie, SETTINGS, **headers) == {"role": "none", "actor": "anonymous"}


def test_a_session_ends_with_its_time_and_its_token(clock: list[float]) -> None:
    cookie = seal(begin_session("viewer", "tv", NOW_MS), VIEWER)
    rotated = load_settings({"VIEWER_SECRET": f"tv:{OLD}"})
    assert ask(cookie, rotated) == {"role": "none", "actor": "anonymous", "sign_in": "failed"}
    clock[0] += LIFETIME_S["viewer"] - 1
    assert ask(cookie)["role"] == "viewer"
    clock[0] += 2
    assert ask(cookie) == {"role": "none", "actor": "anonymous", "sign_in": "expired"}


def test_a_name_with_two_tokens_keeps_both_sessions(clock: list[float]) -> None:
    both = load_settings({"VIEWER_SECRET": f"tv:{VIEWER},tv:{OLD}"})
    for token in (VIEWER, OLD):
        assert ask(seal(begin_session("viewer", "tv", NOW_MS), token), both)["role"] == "viewer"


def test_no_field_of_a_cookie_can_be_changed() -> None:
    session = begin_session("viewer", "tv", NOW_MS)
    value = seal(session, VIEWER)
    tokens = [("admin", "ana", ADMIN), ("viewer", "tv", VIEWER)]
    assert unseal(value, tokens) == session
    for place in range(len(value)):
        changed = value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :]
        found = unseal(changed, tokens)
        # The last letter of base64 may hold bits that no byte takes.
        assert found is None or found == session
    as_admin = seal(begin_session("admin", "ana", NOW_MS), VIEWER)
    assert unseal(as_admin, tokens) is None


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_other_text_is_no_session(value: str) -> None:
    assert unseal(value, [("admin", "ana", ADMIN)]) is None
    assert unseal(value + ".x", [("admin", "ana", ADMIN)]) is None


@pytest.mark.parametrize(
    ("proto", "host", "name"),
    [
        ("https", "ops.example.com", SECURE_NAME),
        ("https", "localhost:3000", SECURE_NAME),
        ("http", "127.0.0.1:3000", LOCAL_NAME),
        ("http", "localhost:3000", LOCAL_NAME),
        ("http", "[::1]:3000", LOCAL_NAME),
        ("http", "ops.example.com", None),
        ("http", "127.0.0.1.example.com", None),
        ("http", "localhost.example.com", None),
        ("http", "", None),
    ],
)
def test_plain_http_has_a_session_on_this_machine_alone(proto: str, host: str, name: str | None) -> None:
    headers = {"x-forwarded-proto": proto, "host": host, "x-callwatch-session": "1"}
    assert name_cookie(headers) == name
    assert find_cookie([f"{SECURE_NAME}=s", f"{LOCAL_NAME}=l"], headers) == {SECURE_NAME: "s", LOCAL_NAME: "l", None: None}[name]


def test_no_script_and_no_other_site_gets_the_cookie() -> None:
    assert write_cookie(SECURE_NAME, "v", 60) == f"{SECURE_NAME}=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
    assert write_cookie(LOCAL_NAME, "", 0) == f"{LOCAL_NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"

"""Check-ins as SDKs, cron URLs and pings send them: what is accepted, what is refused, and what is named."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.exceptions import Invalid, NotFound, Rejected
from callwatch.ingest.check_in_urls import MAX_BODY_BYTES, read_address, read_fields
from callwatch.ingest.check_ins import accept_check_in, read_slug
from callwatch.ingest.sentry.envelope import parse
from callwatch.ingest.sentry.items import take
from callwatch.ingest.sentry.rate_limits import refuse_kinds
from callwatch.ingest.sentry.taken import Taken

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
ID = uuid.uuid4().hex
KEY = "0f" * 16
GIVEN = {"monitor_slug": "nightly-sync", "status": "ok", "check_in_id": ID}


def accept(**given: Any) -> dict[str, Any]:
    row, problems = accept_check_in({**GIVEN, **given}, NOW)
    assert problems == []
    return row


def test_check_in_of_an_sdk_is_a_row() -> None:
    config = {
        "schedule": {"type": "crontab", "value": "*/10  * * * *"},
        "timezone": "Europe/Berlin",
        "checkin_margin": 5,
        "max_runtime": 1.5,
        "failure_issue_threshold": 3,
        "recovery_threshold": 2,
    }
    row = accept(duration=4.25, environment="staging", release="a@1", monitor_config=config)
    assert row == {
        "message_id": row["message_id"],
        "run_id": ID,
        "slug": "nightly-sync",
        "environment": "staging",
        "release": "a@1",
        "status": "ok",
        "at": NOW.isoformat(),
        "duration_s": 4.25,
        "config": {
            "schedule": {"text": "*/10 * * * *", "timezone": "Europe/Berlin"},
            "margin_s": 300,
            "max_runtime_s": 90,
            "failure_threshold": 3,
            "recovery_threshold": 2,
        },
    }
    json.dumps(row, allow_nan=False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], ""),
        ({"status": "ok"}, "monitor_slug"),
        ({**GIVEN, "monitor_slug": "///"}, "monitor_slug"),
        ({**GIVEN, "monitor_slug": 7}, "monitor_slug"),
        ({**GIVEN, "status": "missed"}, "status"),
        ({**GIVEN, "status": ["ok"]}, "status"),
        ({**GIVEN, "check_in_id": "x"}, "check_in_id"),
        ({**GIVEN, "check_in_id": 7}, "check_in_id"),
        ({**GIVEN, "duration": -1}, "duration"),
        ({**GIVEN, "duration": float("nan")}, "duration"),
        ({**GIVEN, "duration": float("inf")}, "duration"),
        ({**GIVEN, "duration": True}, "duration"),
        ({**GIVEN, "environment": "e" * 101}, "environment"),
        ({**GIVEN, "release": ["r"]}, "release"),
    ],
)
def test_bad_check_in_names_its_field(given: Any, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        accept_check_in(given, NOW)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("* * * * *", "monitor_config must be an object"),
        ({"schedule": "* * * * *"}, "monitor_config.schedule must be an object"),
        ({"schedule": {"type": "crontab", "value": "often"}}, "monitor_config.schedule.value must be a crontab"),
        ({"schedule": {"type": "interval", "value": 1}}, "monitor_config.schedule.unit must be one of"),
        ({"checkin_margin": -1}, "monitor_config.checkin_margin must be minutes"),
        ({"max_runtime": "long"}, "monitor_config.max_runtime must be minutes"),
        ({"max_runtime": float("inf")}, "monitor_config.max_runtime must be minutes"),
        ({"failure_issue_threshold": 0}, "monitor_config.failure_issue_threshold must be a whole number"),
        ({"failure_issue_threshold": float("nan")}, "monitor_config.failure_issue_threshold must be a whole number"),
        ({"recovery_threshold": 700}, "monitor_config.recovery_threshold is counted up to 20"),
    ],
)
def test_unusable_configuration_costs_no_check_in_and_is_named(config: Any, problem: str) -> None:
    row, problems = accept_check_in({**GIVEN, "monitor_config": config}, NOW)
    assert row["status"] == "ok"
    assert [each for each in problems if each.startswith(problem)] == problems
    assert problems
    json.dumps(row, allow_nan=False)


def test_unusable_schedule_is_kept_with_its_error() -> None:
    row, _problems = accept_check_in({**GIVEN, "monitor_config": {"schedule": {"type": "crontab", "value": "often"}}}, NOW)
    assert row["config"]["schedule"]["text"] == "often"
    assert "crontab of five fields" in row["config"]["schedule"]["error"]


def test_interval_of_either_form_is_read() -> None:
    for schedule in ({"type": "interval", "value": 10, "unit": "minute"}, {"type": "interval", "value": [10, "minute"]}):
        found = accept(monitor_config={"schedule": schedule})["config"]["schedule"]
        assert found == {"text": "every 10 minutes", "timezone": "UTC", "count": 10, "unit": "minute"}


def test_id_of_zeros_means_the_last_run() -> None:
    assert accept(check_in_id="0" * 32)["run_id"] is None
    assert accept(check_in_id=str(uuid.UUID(ID)))["run_id"] == ID


def test_time_is_when_it_was_sent_if_that_can_be() -> None:
    for sent_at, at in (
        (NOW - timedelta(minutes=3), NOW - timedelta(minutes=3)),
        (NOW - timedelta(hours=3), NOW),
        (NOW + timedelta(minutes=3), NOW),
    ):
        assert accept_check_in(GIVEN, NOW, sent_at)[0]["at"] == at.isoformat()


def test_repeated_check_in_has_the_same_id_and_others_do_not() -> None:
    sent_at = NOW - timedelta(seconds=2)
    first, again = (accept_check_in(GIVEN, NOW + timedelta(seconds=i), sent_at)[0]["message_id"] for i in (0, 1))
    other = accept_check_in({**GIVEN, "status": "in_progress"}, NOW, sent_at)[0]["message_id"]
    assert first == again != other
    assert accept(check_in_id=None)["message_id"] != accept(check_in_id=None)["message_id"]


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ("Nightly sync", "Nightly-sync"),
        ("a/b\x00c", "a-b-c"),
        ("s" * 100, "s" * 100),
        ("job for bob@example.com", "job-for-email"),
        ("v1.2_x", "v1.2_x"),
    ],
)
def test_slug_is_a_plain_word_without_private_data(given: str, slug: str) -> None:
    assert read_slug(given) == slug


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s" * 100 + "1", "s" * 100 + "2"),
        ("n" * 300 + "1", "n" * 300 + "2"),
        ("über-job", "öber-job"),
        ("备份1", "清理1"),
        ("备份", "清理"),
    ],
)
def test_names_that_differ_are_different_monitors(one: str, other: str) -> None:
    assert read_slug(one) != read_slug(other)
    for name in (one, other):
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", read_slug(name))
        assert read_slug(name) == read_slug(name)


def send(*items: Any, **headers: Any) -> Taken:
    lines = [headers or {"sent_at": "2026-05-04T09:59:58Z"}]
    for item in items:
        lines += [{"type": "check_in"}, item]
    return take(*parse("\n".join(json.dumps(line) for line in lines).encode()), "key", NOW)


def test_envelope_of_check_ins_refuses_no_category() -> None:
    taken = send(GIVEN, {**GIVEN, "status": "in_progress"})
    assert [(row["status"], row["at"]) for row in taken.check_ins] == [
        ("ok", "2026-05-04T09:59:58+00:00"),
        ("in_progress", "2026-05-04T09:59:58+00:00"),
    ]
    assert not taken.rejected
    assert refuse_kinds(["check_in"]) == {}


def test_envelope_names_what_it_rejects() -> None:
    config = {"schedule": {"type": "crontab", "value": "often"}}
    taken = send({**GIVEN, "monitor_config": config}, {"status": "ok"}, ["x"], {**GIVEN, "release": "x" * 70_000})
    assert len(taken.check_ins) == 1
    assert {kind for kind, _reason in taken.rejected} == {"check_in", "monitor_config"}
    assert sum(taken.rejected.values()) == 4
    assert len(send(*[GIVEN] * 60).check_ins) == 50


def ping(proxy: str, **query: str) -> dict[str, Any]:
    request = Request("GET", f"/ping/{KEY}/{proxy}", {"key": KEY, "proxy": proxy}, query)
    address = read_address(request)
    assert (address.key, address.project) == (KEY, None)
    return read_fields(request, address)


@pytest.mark.parametrize(
    ("proxy", "status"),
    [("job", "ok"), ("job/", "ok"), ("job/start", "in_progress"), ("job/fail", "error"), ("job/0", "ok"), ("job/137/", "error")],
)
def test_ping_tells_its_status_by_its_ending(proxy: str, status: str) -> None:
    assert ping(proxy) == {"monitor_slug": "job", "status": status}


@pytest.mark.parametrize("proxy", ["", "/", "job/stop", "job/256", "job/-1", "job/\u0661", "job/start/now"])
def test_ping_of_another_form_is_404(proxy: str) -> None:
    with pytest.raises(NotFound):
        ping(proxy)


def test_ping_may_name_its_run_and_its_schedule() -> None:
    found = ping("job", rid=ID, every="15m", margin="2", max_runtime="10", environment="staging", timezone="Asia/Tokyo")
    row, problems = accept_check_in(found, NOW)
    assert (row["run_id"], row["environment"], problems) == (ID, "staging", [])
    assert row["config"] == {
        "schedule": {"text": "every 15 minutes", "timezone": "Asia/Tokyo", "count": 15, "unit": "minute"},
        "margin_s": 120,
        "max_runtime_s": 600,
    }
    assert accept_check_in(ping("job", schedule="*/5 * * * *"), NOW)[0]["config"]["schedule"]["text"] == "*/5 * * * *"


@pytest.mark.parametrize(
    "query", [{"every": "soon"}, {"every": "5"}, {"margin": "-1"}, {"max_runtime": "nan"}, {"duration": "x"}]
)
def test_bad_parameter_is_named(query: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        ping("job", **query)
    assert caught.value.field in query


def cron(proxy: str, body: bytes = b"", content_type: str = "application/json", **query: str) -> tuple[str, dict[str, Any]]:
    headers = {"content-type": content_type}
    request = Request("POST", "/", {"project": "1", "proxy": proxy}, query, headers, body)
    address = read_address(request)
    return address.key, read_fields(request, address)


def test_cron_address_of_sentry_is_read() -> None:
    assert cron(f"job/{KEY}/", status="ok") == (KEY, {"status": "ok", "monitor_slug": "job"})
    assert cron("job/", sentry_key=KEY, status="error")[0] == KEY
    body = {"status": "in_progress", "monitor_config": {"schedule": {"type": "crontab", "value": "0 * * * *"}}}
    found = cron(f"job/{KEY}", json.dumps(body).encode(), check_in_id=ID, duration="2.5")[1]
    assert found == {**body, "check_in_id": ID, "duration": 2.5, "monitor_slug": "job"}
    assert cron(f"job/{KEY}", b"done at last", "text/plain", status="ok")[1]["status"] == "ok"


@pytest.mark.parametrize("body", [b"[]", b"{", b'"ok"', b'{"a":"' + b"x" * MAX_BODY_BYTES + b'"}'])
def test_cron_body_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        cron(f"job/{KEY}", body)


@pytest.mark.parametrize("proxy", ["", f"job/{KEY}/more", f"/{KEY}"])
def test_cron_address_of_another_form_is_404(proxy: str) -> None:
    with pytest.raises(NotFound):
        cron(proxy)

"""Balances of vendors: asked seldom, bounded in time, unknown where the key may not read them, and their rule."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.checks.balances import list_balance_samples, list_known, refresh_balances
from callwatch.checks.deepgram_balance import read_balances
from callwatch.db import connection
from callwatch.db.connections.lend import read_pool_statistics
from callwatch.db.product_queries.balances import keep_reading, list_balances
from callwatch.db.product_queries.vendor_reads import claim_read
from callwatch.models.sample import Sample
from callwatch.models.shapes.product.costs import Costs
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.measure_step import measure
from callwatch.monitor.steps import build_steps
from callwatch.monitor.vendors_step import read_vendor_balances
from callwatch.reports.items.costs import build_costs
from callwatch.settings import get_settings, reset_settings
from simulator.fake_vendor import Script, Vendor, respond
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape

NOW = datetime(2031, 3, 12, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = "key-that-must-not-show"
PROJECT = "0a1b2c3d-0000-4000-8000-000000000001"
BALANCES = f"/v1/projects/{PROJECT}/balances"


def list_projects(*ids: str) -> Script:
    return respond(200, {"projects": [{"project_id": each, "name": "a name"} for each in ids]})


def give(*amounts: Any, units: str = "usd") -> Script:
    return respond(200, {"balances": [{"balance_id": "b", "amount": amount, "units": units} for amount in amounts]})


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Yield a Deepgram with one project and $120."""
    with Vendor(respond(404)) as found:
        found.by_path = {"/v1/projects": list_projects(PROJECT), BALANCES: give(100.5, 19.5)}
        monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
        monkeypatch.setenv("DEEPGRAM_API_URL", found.url)
        reset_settings()
        yield found


def look(now: datetime = NOW) -> list[Sample]:
    refresh_balances(get_settings(), now, 4)
    with connection() as conn:
        return list_balance_samples(list_known(conn, now))


def view(now: datetime = NOW) -> Costs:
    found = build_costs(get_settings(), now, "1d")
    check_shape(Costs, found)
    check_nulls(json.loads(json.dumps(found, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else str(value))))
    assert KEY not in json.dumps(found, default=str)
    return found


def list_firing(samples: list[Sample]) -> list[str]:
    return [each.rule_id for each in evaluate(RULES, samples, {}, NOW).instances.values() if each.state == "firing"]


def test_balance_is_the_sum_of_its_parts(database: str, vendor: Vendor) -> None:
    usd, days = look()
    assert (usd.metric, usd.value, usd.labels) == ("balance.usd", 120.0, {"service": "deepgram", "project": PROJECT})
    assert (days.value, days.reason and days.reason.code) == (None, "not_recorded")
    assert f"authorization: token {KEY}" in vendor.requests[0].lower()
    balances = view()["balances"]
    assert balances is not None
    (shown,) = balances
    assert (shown["usd"], shown["days_left"], shown["read_at"]) == (120.0, None, NOW)
    assert list_firing([usd, days]) == []


def test_vendor_is_asked_four_times_an_hour(database: str, vendor: Vendor) -> None:
    for minute in range(60):
        look(NOW + timedelta(minutes=minute))
    assert len(vendor.requests) == 4 * 2


def test_two_monitors_ask_once(database: str, vendor: Vendor) -> None:
    with connection() as one, connection() as other:
        assert claim_read(one, "vendor_balance_reads", "deepgram", NOW, timedelta(minutes=15))
        one.commit()
        assert not claim_read(other, "vendor_balance_reads", "deepgram", NOW, timedelta(minutes=15))


def test_time_left_is_that_of_what_was_used(database: str, vendor: Vendor) -> None:
    """By hand: 200, 180, then 500 paid in, 660, 640: 60 used in four days are 15 a day."""
    with connection() as conn:
        for back, left in ((4, 200), (3, 180), (2, 680), (1, 660)):
            keep_reading(conn, "deepgram", NOW - timedelta(days=back), {PROJECT: Decimal(left)}, None)
        conn.commit()
    vendor.by_path[BALANCES] = give(640)
    _usd, days_left = look()
    assert days_left.value == pytest.approx(640 / 15, abs=0.01)
    vendor.by_path[BALANCES] = give(80)
    usd, days_left = look(NOW + timedelta(minutes=15))
    # 620 used in four days.
    assert days_left.value == pytest.approx(80 / (620 / 4.0104), abs=0.01)
    assert list_firing([usd, days_left]) == ["vendor_balance_low"]
    assert (usd.detail or "").startswith("$80.00 left, enough for 0.5 days")


def test_few_dollars_fire_without_any_history(database: str, vendor: Vendor) -> None:
    vendor.by_path[BALANCES] = give(9.99)
    assert list_firing(look()) == ["vendor_balance_low"]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (respond(401), "not_configured"), (respond(403, {"err_code": "FORBIDDEN"}), "not_configured"),
        (respond(429), "unavailable"), (respond(503), "unavailable"), (respond(200, b"<html>"), "unavailable"),
        (respond(200, {"balances": []}), "unavailable"), (respond(200, {"balances": 7}), "unavailable"),
        (give(5, units="hour"), "unavailable"), (give("5"), "unavailable"), (give(True), "unavailable"),
        (respond(200, b'{"balances": [{"amount": NaN, "units": "usd"}]}'), "unavailable"),
        (respond(200, b'{"balances": [{"amount": 1e400, "units": "usd"}]}'), "unavailable"),
        (Script(is_cut=True), "unavailable"), (Script(is_rude=True), "unavailable"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_unknown(database: str, vendor: Vendor, script: Script, code: str) -> None:
    vendor.by_path[BALANCES] = script
    samples = look()
    assert [(sample.value, sample.reason and sample.reason.code) for sample in samples] == [(None, code)] * 2
    assert list_firing(samples) == []
    found = view()
    assert found["balances"] is None
    assert found["unknown"]["balances"].code == code


@pytest.mark.parametrize("path", ["/v1/projects", BALANCES])
def test_vendor_that_hangs_costs_its_time_alone(vendor: Vendor, path: str) -> None:
    vendor.by_path[path] = Script(is_silent=True)
    began = time.monotonic()
    found = read_balances(get_settings(), 0.4)
    assert time.monotonic() - began < 1
    assert found.why is not None
    assert found.why.code == "timeout"


def test_one_project_that_cannot_be_read_leaves_all_unknown(vendor: Vendor) -> None:
    vendor.by_path |= {"/v1/projects": list_projects(PROJECT, "other", "../../x"), "/v1/projects/other/balances": respond(503)}
    assert read_balances(get_settings(), 2).usd == {}
    vendor.by_path["/v1/projects/other/balances"] = give(1)
    assert read_balances(get_settings(), 2).usd == {PROJECT: Decimal("120.0"), "other": Decimal(1)}


def test_last_balance_holds_for_an_hour_and_no_longer(database: str, vendor: Vendor) -> None:
    look()
    vendor.by_path[BALANCES] = respond(503)
    assert look(NOW + timedelta(minutes=45))[0].value == 120.0
    samples = look(NOW + timedelta(minutes=61))
    assert [sample.value for sample in samples] == [None, None]
    assert view(NOW + timedelta(minutes=61))["unknown"]["balances.0.usd"].code == "unavailable"


def run_steps(now: datetime, rest_s: float = 60) -> Cycle:
    cycle = Cycle(now, deadline=time.monotonic() + rest_s)
    measure(cycle, list)
    read_vendor_balances(cycle)
    return cycle


def test_vendor_is_asked_after_everything_else(database: str, vendor: Vendor) -> None:
    """The first cycle has no balance yet and does not wait for one; the second has it."""
    first, second = ([each for each in run_steps(at).samples if each.metric == "balance.usd"] for at in (NOW, NOW + MINUTE))
    assert [(each.value, each.reason and each.reason.code) for each in first] == [(None, "not_recorded")]
    assert [each.value for each in second] == [120.0]
    names = [name for name, _run in build_steps(list)]
    assert names.index("vendor_balances") > max(names.index(each) for each in ("measure", "evaluate", "notify"))


def test_no_connection_waits_for_a_vendor(database: str, vendor: Vendor) -> None:
    vendor.by_path["/v1/projects"] = Script(is_silent=True)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(refresh_balances, get_settings(), NOW, 2.0)
        while not vendor.requests:
            assert not reading.done()
        assert read_pool_statistics()["active"] == 0
        assert reading.result()["deepgram"]["code"] == "timeout"


def test_cycle_without_time_asks_no_vendor(database: str, vendor: Vendor) -> None:
    run_steps(NOW, rest_s=5)
    assert vendor.requests == []


def test_step_asks_only_with_a_key(database: str, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY")
    reset_settings()
    cycle = run_steps(NOW)
    assert vendor.requests == []
    assert not any(sample.metric.startswith("balance.") for sample in cycle.samples)
    assert view()["unknown"]["balances"].code == "not_configured"
    with connection() as conn:
        assert list_balances(conn, "deepgram", NOW - timedelta(days=30)) == []

"""A small invented shop, watched through its own stage file: the same code with other tables."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.db import connection, product_connection
from callwatch.db.queries.stage_depths import keep_depths
from callwatch.models.sample import Sample
from callwatch.models.shapes.health import Health
from callwatch.models.shapes.jobs import JobMetrics
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.models.shapes.product.costs import Costs
from callwatch.monitor.cost_step import measure_costs
from callwatch.monitor.cycle import Cycle
from callwatch.pipeline.product import measure, select_for_cycle
from callwatch.pipeline.samples import list_depths, list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import build_health
from callwatch.reports.items.costs import build_costs
from callwatch.reports.jobs import build_job_metrics
from callwatch.reports.pipeline import build_pipeline
from callwatch.settings import get_settings, reset_settings
from tests.incidents.judge import find_sample
from tests.support.api_shapes import OWN, check_shape
from tests.unit.test_stage_file import SHOP

NOW = datetime.fromisoformat("2031-03-12T14:37:00+00:00")
TABLES = """
    CREATE TABLE shop_orders (number bigint PRIMARY KEY, paid_on timestamp);
    CREATE TABLE shop_parcels (order_number text, state text, tries int, ordered_on timestamp, taken_on timestamp,
                               sent_on timestamp, promised_on timestamp);
    CREATE TABLE shop_jobs (job varchar(40), ran_on timestamptz, note text);
    INSERT INTO shop_orders
        SELECT n, %(now)s::timestamptz AT TIME ZONE 'UTC' - n * interval '3 minutes' FROM generate_series(1, 3000) n;
    INSERT INTO shop_parcels
        SELECT number::text, 'sent', 1, paid_on, paid_on + interval '2 minutes', paid_on + interval '5 minutes',
               paid_on + interval '1 day' FROM shop_orders;
    UPDATE shop_parcels SET state = 'new', taken_on = NULL, sent_on = NULL
        WHERE ordered_on > %(now)s::timestamptz - interval '5 minutes';
    INSERT INTO shop_jobs VALUES ('packer', %(now)s::timestamptz - interval '2 minutes', 'fine');
"""


@pytest.fixture
def shop(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a database with the shop's tables, with STAGES_FILE pointing to its file."""
    monkeypatch.setenv("STAGES_FILE", str(SHOP))
    reset_settings()
    conn = psycopg2.connect(database)
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute(TABLES, {"now": NOW})
    yield conn
    conn.close()


def samples() -> list[Sample]:
    stages = get_stages(str(SHOP))
    with product_connection() as conn:
        measured = measure(conn, NOW, "UTC", stages, select_for_cycle(stages))
    assert [stage for stage, _figure, _value in list_depths(stages, measured)] == ["parcels", "parcels"]
    return list_product_samples(stages, measured)


def test_a_healthy_shop_shows_nothing_but_its_figures(shop: Any) -> None:
    found = samples()
    assert {sample.metric: sample.value for sample in found if sample.metric.startswith(("pipeline.", "queue."))} == {
        "queue.pending": 1, "queue.stale": 0, "pipeline.stuck": 0, "pipeline.zombie": 0, "pipeline.orphan": 0,
        "pipeline.overdue": 0, "pipeline.undated": 0, "pipeline.stopped": 0, "pipeline.dead": 0, "pipeline.dead_ratio": 0,
    }  # fmt: skip
    assert find_sample(found, "calls.missing_ratio").value == 0
    assert find_sample(found, "cron.idle", cron="packer").value == 0


def test_what_goes_wrong_in_the_shop_shows_by_its_own_words(shop: Any) -> None:
    with shop.cursor() as cursor:
        cursor.execute(
            "UPDATE shop_parcels SET state = 'new', sent_on = NULL WHERE ordered_on > %s::timestamptz - interval '1 hour'", (NOW,)
        )
        cursor.execute("UPDATE shop_parcels SET state = 'retry', tries = 9 WHERE order_number = '2000'")
        cursor.execute("UPDATE shop_parcels SET state = 'packing' WHERE order_number IN ('1500', '1501')")
        cursor.execute("DELETE FROM shop_parcels WHERE order_number = '2500'")
    found = samples()
    assert find_sample(found, "pipeline.stopped", stage="parcels").value == 1
    assert find_sample(found, "pipeline.zombie", stage="parcels").value == 1
    assert find_sample(found, "pipeline.stuck", stage="parcels").value == 2
    assert find_sample(found, "pipeline.orphan", stage="parcels").value == 1
    assert find_sample(found, "pipeline.overdue", stage="parcels").value == 1
    assert find_sample(found, "cron.idle", cron="packer").value == 1


def test_the_shop_is_closed_on_sundays_and_at_night(shop: Any) -> None:
    stages = get_stages(str(SHOP))
    for moment in ("2031-03-16T12:00:00+00:00", "2031-03-13T02:00:00+00:00"):
        with product_connection() as conn:
            measured = measure(conn, datetime.fromisoformat(moment), "UTC", stages, select_for_cycle(stages))
        assert find_sample(list_product_samples(stages, measured), "calls.missing_ratio").detail == "outside of business hours"


def test_api_shows_the_shop_and_names_what_is_not_described(shop: Any) -> None:
    settings = get_settings()
    answer = build_pipeline(settings, NOW)
    check_shape(Pipeline, answer)
    (stage,) = answer["stages"]
    assert (stage["name"], stage["pending"], stage["completed_last_hour"], stage["p50_s"]) == ("parcels", 1, 20, 300)
    assert answer["freshness"]["last_call_at"] == NOW - timedelta(minutes=3)
    assert answer["unknown"]["recording_availability"].message == "the stage file does not describe availability"
    assert answer["crons"][0]["name"] == "packer"
    whole = build_health(settings, NOW, OWN)
    check_shape(Health, whole)
    assert whole["queue"]["pending"] == 1
    jobs = build_job_metrics(settings, NOW)
    check_shape(JobMetrics, jobs)
    assert jobs["unknown"]["recording_queue.pending"].message == "the stage file does not describe recordings"


@pytest.fixture
def priced_shop(shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a cursor on the shop with sellers, whose parcels cost a label of the courier each; 400 labels a day are agreed."""
    raw = json.loads(SHOP.read_text())
    raw["stages"][0]["limit"] = 60
    raw["items"]["tenant"] = "seller"
    raw["tenants"] = {"table": "shop_sellers", "id": "id", "label": "name"}
    label = {"service": "courier", "from": "shop_parcels", "item": "order_number", "at": "sent_on", "units": {}}
    raw["costs"] = {
        "target_usd": 6,
        "usage": [label | {"where": [["state", "=", "sent"]]}],
        "quotas": [{"service": "courier", "units": ["call"], "limit": 400}],
    }
    price = {"service": "courier", "unit": "call", "usd": "4.95", "per": 1, "valid_from": "2020-01-01"}
    for name, content in (("stages", raw), ("prices", [price])):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        monkeypatch.setenv(f"{name.upper()}_FILE", str(tmp_path / f"{name}.json"))
    reset_settings()
    with shop.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE shop_sellers (id int PRIMARY KEY, name text);"
            "INSERT INTO shop_sellers VALUES (1, 'Books'), (2, 'Toys');"
            "ALTER TABLE shop_orders ADD seller int; UPDATE shop_orders SET seller = 1 + number % 2"
        )
        yield cursor


def test_costs_and_quotas_of_the_shop_are_in_its_own_terms(priced_shop: Any) -> None:
    for number in range(7):
        found = measure_costs(Cycle(NOW + timedelta(seconds=number), deadline=1e9))
    answer = build_costs(get_settings(), NOW, "1d")
    check_shape(Costs, answer)
    priced_shop.execute("SELECT count(*) FROM shop_parcels WHERE state = 'sent' AND sent_on >= %s::date", (NOW,))
    ((sent,),) = priced_shop.fetchall()
    assert (answer["per_call"]["calls"], answer["per_call"]["mean"], answer["per_call"]["target"]) == (sent, 4.95, 6)
    assert [(each["name"], each["mean"]) for each in answer["by_agency"] or []] == [("Books", 4.95), ("Toys", 4.95)]
    (quota,) = answer["quotas"] or []
    assert quota["used"] == sent
    # A parcel leaves every three minutes: the other labels last so long.
    assert quota["full_at"] is not None
    assert abs(quota["full_at"] - NOW - (400 - sent) * timedelta(minutes=3)) < timedelta(minutes=10)
    (sample,) = [each for each in found if each.metric == "forecast.quota_s"]
    assert sample.labels == {"service": "courier", "model": "*"}


def test_backlog_of_the_shop_is_forecast_by_its_limit(priced_shop: Any) -> None:
    with connection() as conn:
        for minute in range(90):
            for back in range(5):
                at = NOW - timedelta(days=back, minutes=minute)
                keep_depths(conn, at, [("parcels", "pending", 2.0 if back else round(2 + 0.5 * (90 - minute)))])
        conn.commit()
    (forecast,) = build_pipeline(get_settings(), NOW, has_forecasts=True)["forecasts"] or []
    assert (forecast["name"], forecast["limit"]) == ("parcels", 60)
    # 46 or 47 wait, and half a parcel more each minute: 14 more take 28 minutes.
    assert forecast["full_at"] is not None
    assert abs(forecast["full_at"] - NOW - timedelta(minutes=27)) < timedelta(minutes=4)

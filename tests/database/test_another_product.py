"""A small invented shop, watched through its own stage file: the same code with other tables."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.db import product_connection
from callwatch.models.sample import Sample
from callwatch.models.shapes.health import Health
from callwatch.models.shapes.jobs import JobMetrics
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.pipeline.product import measure, of_cycle
from callwatch.pipeline.samples import depths, list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import health
from callwatch.reports.jobs import job_metrics
from callwatch.reports.pipeline import pipeline
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
        measured = measure(conn, NOW, "UTC", stages, of_cycle(stages))
    assert [stage for stage, _figure, _value in depths(stages, measured)] == ["parcels", "parcels"]
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
            measured = measure(conn, datetime.fromisoformat(moment), "UTC", stages, of_cycle(stages))
        assert find_sample(list_product_samples(stages, measured), "calls.missing_ratio").detail == "outside of business hours"


def test_api_shows_the_shop_and_names_what_is_not_described(shop: Any) -> None:
    settings = get_settings()
    answer = pipeline(settings, NOW)
    check_shape(Pipeline, answer)
    (stage,) = answer["stages"]
    assert (stage["name"], stage["pending"], stage["completed_last_hour"], stage["p50_s"]) == ("parcels", 1, 20, 300)
    assert answer["freshness"]["last_call_at"] == NOW - timedelta(minutes=3)
    assert answer["unknown"]["recording_availability"].message == "the stage file does not describe availability"
    assert answer["crons"][0]["name"] == "packer"
    whole = health(settings, NOW, OWN)
    check_shape(Health, whole)
    assert whole["queue"]["pending"] == 1
    jobs = job_metrics(settings, NOW)
    check_shape(JobMetrics, jobs)
    assert jobs["unknown"]["recording_queue.pending"].message == "the stage file does not describe recordings"

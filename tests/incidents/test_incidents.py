"""The twelve incidents, each as a database state some minutes into it, and the sample that must show it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from callwatch.counters.performance import read_performance
from callwatch.db import connection, ensure_partitions
from callwatch.db.queries.api_logs import FinishedRequest, insert_requests
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline import indexes
from simulator import faults
from tests.incidents.conftest import BUSY
from tests.incidents.judge import alarming, find_sample

Facts = Callable[..., list[Sample]]


def broken(conn: Any, fault: Callable[..., None], facts_at: Facts, **how: float) -> tuple[list[Sample], set[tuple[str, str]]]:
    fault(conn, BUSY, **how)
    conn.commit()
    samples = facts_at(BUSY)
    return samples, set(alarming(samples))


@pytest.mark.parametrize("minutes", [20, 60, 300])
def test_1_webhooks_answered_401_show_as_calls_that_stay_away(busy_product: Any, facts_at: Facts, minutes: int) -> None:
    samples, found = broken(busy_product, faults.refuse_webhooks, facts_at, minutes=minutes)
    assert found == {("calls.missing_ratio", "")}
    missing = find_sample(samples, "calls.missing_ratio")
    assert missing.value == 1.0
    assert missing.detail is not None
    assert missing.detail.startswith("0 calls, ")
    assert missing.since is not None
    assert BUSY - missing.since < timedelta(minutes=minutes + 10)


def test_2_webhooks_answered_500_show_with_their_fault(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.fail_webhooks, facts_at)
    assert ("webhooks.error_ratio", "") in found
    shown = find_sample(samples, "webhooks.error_ratio")
    assert shown.value == 1.0
    assert "22P02" in (shown.detail or "")


def test_3_unattended_transcription_queue_is_stopped(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.stop_transcription, facts_at)
    assert found == {("pipeline.stopped", "transcriptions"), ("cron.idle", "process-transcription-queue")}
    since = find_sample(samples, "pipeline.stopped", stage="transcriptions").since
    assert since is not None
    assert timedelta(minutes=10) < BUSY - since < timedelta(minutes=60)


def test_4_skipping_crons_are_idle_despite_fresh_heartbeats(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.skip_crons, facts_at)
    assert {("cron.idle", "process-recordings-v3"), ("pipeline.stopped", "recordings")} <= found
    other = find_sample(samples, "cron.idle", cron="process-transcription-queue")
    assert (other.value, other.reason) == (0.0, None), "nothing is left for it to do"
    assert not any(metric == "cron.late" for metric, _label in found)
    assert "skips due work" in (find_sample(samples, "cron.idle", cron="process-recordings-v3").detail or "")


def test_4_skipping_crons_show_before_the_queue_is_stopped(busy_product: Any, facts_at: Facts) -> None:
    _facts, found = broken(busy_product, faults.skip_crons, facts_at, minutes=6)
    assert ("cron.idle", "process-recordings-v3") in found


def test_5_jobs_of_killed_functions_are_stuck(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.stick_jobs, facts_at)
    assert found == {("pipeline.stuck", "transcriptions")}
    assert find_sample(samples, "pipeline.stuck", stage="transcriptions").value == 5


def test_6_used_up_quota_shows_as_unfinished_transcripts(busy_product: Any, facts_at: Facts) -> None:
    with busy_product.cursor() as cursor:
        # A job that failed finally hours before is not the beginning.
        cursor.execute(
            "DELETE FROM analyses WHERE call_id ="
            " (SELECT call_id FROM transcripts WHERE created_at < %s ORDER BY created_at DESC LIMIT 1)",
            (BUSY - timedelta(hours=3),),
        )
    samples, found = broken(busy_product, faults.exhaust_quota, facts_at)
    assert {("pipeline.unfinished_s", "analyses"), ("vendor.quota", "openai"), ("vendor.error_ratio", "openai")} <= found
    lag_s = find_sample(samples, "pipeline.unfinished_s", stage="analyses").value
    assert lag_s is not None
    assert 1800 < lag_s < 3600
    assert not any(label == "transcriptions" for _metric, label in found), "transcripts go on"


def test_7_rate_limits_show_as_such_and_not_as_an_outage(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.limit_deepgram, facts_at)
    assert {("vendor.rate_limited", "deepgram"), ("vendor.error_ratio", "deepgram")} <= found
    assert ("pipeline.stopped", "transcriptions") not in found
    assert "rate_limited" in (find_sample(samples, "vendor.error_ratio", service="deepgram").detail or "")


def slow_pages() -> list[FinishedRequest]:
    """Return a minute of requests: one page takes 28 s, the others are fast."""
    return [
        FinishedRequest(f"{number:032x}", 1, BUSY - timedelta(seconds=number), "GET", route, 200, took_ms)
        for number in range(60)
        for route, took_ms in ([("/calls", 28_000.0)] if number % 2 else [("/health", 20.0)])
    ]


def test_8_pages_that_fetch_too_much_show_by_their_route(busy_product: Any) -> None:
    with connection() as conn:
        ensure_partitions(conn, BUSY)
        conn.commit()
        insert_requests(conn, slow_pages())
        by_route = {entry["route"]: entry["p95"] or 0.0 for entry in read_performance(conn, BUSY)["by_route"]}
    assert by_route["/calls"] > 3000 > by_route["/health"]


def test_9_missing_recordings_show_by_share_and_dead_letters(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.lose_recordings, facts_at)
    assert {("recordings.availability", ""), ("pipeline.dead_ratio", "recordings")} <= found
    share = find_sample(samples, "recordings.availability").value
    assert share is not None
    assert share < 0.2


def test_10_a_sync_of_four_records_is_told_from_one_of_hundreds(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.sync_shrinks, facts_at)
    assert found == {("sync.volume_ratio", "sales")}
    assert (find_sample(samples, "sync.volume_ratio").detail or "").startswith("4 records, ")


def test_11_rows_without_key_fields_show_by_field_and_source(busy_product: Any, facts_at: Facts) -> None:
    _facts, found = broken(busy_product, faults.omit_fields, facts_at, minutes=90)
    assert found == {("fields.null_rate", f"{field}/convoso") for field in ("agent_name", "campaign", "disposition")}


def test_12_missing_column_is_drift_and_other_figures_hold(busy_product: Any, facts_at: Facts) -> None:
    samples, found = broken(busy_product, faults.drop_column, facts_at)
    assert ("schema.drift", "transcription_queue/started_at") in found
    stuck = find_sample(samples, "pipeline.stuck", stage="transcriptions")
    assert (stuck.value, stuck.reason) == (None, Reason("missing", "column transcription_queue.started_at is missing"))
    assert find_sample(samples, "pipeline.stopped", stage="transcriptions").value == 0


@pytest.mark.parametrize("number", sorted(faults.INCIDENTS))
def test_a_large_product_without_indexes_shows_the_same(
    number: int, busy_product: Any, facts_at: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a usable index, tables are read in one scan: other statements, the same samples."""
    faults.INCIDENTS[number](busy_product, BUSY)
    busy_product.commit()
    monkeypatch.setattr(indexes, "_SCANNED_FROM_BYTES", 2**40)
    one_by_one = facts_at(BUSY)
    monkeypatch.setattr(indexes, "_SCANNED_FROM_BYTES", 0)
    monkeypatch.setattr(indexes, "_ADVISED_FROM_BYTES", 0)
    in_one_scan = [sample for sample in facts_at(BUSY) if sample.metric != "schema.index_missing"]
    assert in_one_scan == one_by_one

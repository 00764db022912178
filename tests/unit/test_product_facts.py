"""Product samples from measured figures, where very small or large counts could mislead."""

from datetime import UTC, datetime, timedelta

import pytest

from callwatch.models.sample import Sample
from callwatch.pipeline.comparable import DAYS_BACK
from callwatch.pipeline.completeness import list_availability_samples
from callwatch.pipeline.freshness import NOT_COMPARABLE, SILENCE, list_freshness_samples, list_windows
from callwatch.pipeline.freshness_readings import DAYS, LONG_SILENCE
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.syncs import list_sync_samples
from callwatch.pipeline.webhooks import list_webhook_samples

WEDNESDAY = datetime(2031, 3, 12, 14, 0, tzinfo=UTC)


def measured_with(**values: float) -> Measured:
    return Measured(WEDNESDAY, values={name.replace("__", "."): value for name, value in values.items()})


STAGES = get_stages(None)


def find_value(samples: list[Sample], metric: str, **labels: str) -> float | None:
    (found,) = [sample for sample in samples if sample.metric == metric and labels.items() <= sample.labels.items()]
    return found.value


@pytest.mark.parametrize(
    ("items", "failed", "ratio"),
    [(8, 8, 1.0), (8, 3, 0.375), (40, 20, 0.5), (30, 0, 0.0), (8, 1, None), (12, 2, None), (4, 4, None), (0, 0, None)],
)
def test_few_failed_webhooks_are_chance_and_more_are_not(items: int, failed: int, ratio: float | None) -> None:
    samples = list_webhook_samples(
        {**STAGES.parts["webhooks"], "at_least": 5, "window_s": 900},
        measured_with(webhooks__items=items, webhooks__failed=failed),
    )
    assert [sample.value for sample in samples] == [ratio]
    assert samples[0].is_abstention == (ratio is None)


@pytest.mark.parametrize(
    ("ratio", "usual", "shortfall"),
    [(0.54, 0.9, 0.4), (0.5, 0.55, 0.0909), (0.9, 0.55, 0.0), (0.45, None, 0.5), (0.0, 0.0, 0.0)],
)
def test_recordings_fall_short_of_what_is_usual_for_this_product(ratio: float, usual: float | None, shortfall: float) -> None:
    measured = measured_with(availability__items=60, availability__ratio=ratio)
    if usual is not None:
        measured.values["availability.usual"] = usual
    samples = list_availability_samples({**STAGES.parts["availability"], "at_least": 20}, measured)
    assert find_value(samples, "recordings.availability") == ratio
    assert find_value(samples, "recordings.shortfall") == shortfall


@pytest.mark.parametrize(
    ("dead", "done", "done_of_day", "ratio", "told"),
    [
        (61, 1800, 20_000, 0.0328, None),
        (30, 0, 16_000, 0.0431, None),
        (6, 20, 800, 0.1525, 6),
        (25, 100, 800, 0.2, 25),
        (25, 0, 0, 1.0, 25),
        (0, 100, 800, 0.0, 0),
    ],
)
def test_dead_letters_compare_with_an_ordinary_hour(
    dead: int, done: int, done_of_day: int, ratio: float, told: int | None
) -> None:
    measured = measured_with(
        recordings__dead_last_hour=dead, recordings__completed_last_hour=done, recordings__completed=done_of_day
    )
    samples = list_product_samples(get_stages(None), measured)
    assert find_value(samples, "pipeline.dead_ratio", stage="recordings") == ratio
    counts = [sample.value for sample in samples if sample.metric == "pipeline.dead" and sample.labels["stage"] == "recordings"]
    assert counts == ([] if told is None else [told])


def test_missing_calls_are_unknown_without_an_earlier_day() -> None:
    first_at = (WEDNESDAY - timedelta(hours=2)).timestamp()
    measured = measured_with(freshness__first_at=first_at, freshness__last_at=WEDNESDAY.timestamp() - 60)
    for name, pairs in list_windows(measured).items():
        measured.rows[name] = [{"count": 0} for _pair in pairs]
    (sample,) = list_freshness_samples({"table": "calls", "at": "created_at"}, measured)
    assert (sample.value, sample.reason) == (None, NOT_COMPARABLE)


def test_a_small_product_is_missed_by_a_silence_of_days() -> None:
    measured = measured_with(
        freshness__first_at=(WEDNESDAY - timedelta(days=60)).timestamp(),
        freshness__last_at=(WEDNESDAY - timedelta(hours=40)).timestamp(),
    )
    measured.rows[DAYS] = [{"count": 12}] * DAYS_BACK
    windows = list_windows(measured)
    for name, pairs in windows.items():
        usual = {LONG_SILENCE: 20, SILENCE: 6}.get(name, 1)
        measured.rows[name] = [{"count": 0}, *[{"count": usual} for _pair in pairs[1:]]]
    (sample,) = list_freshness_samples({"table": "calls", "at": "created_at"}, measured)
    assert (sample.value, sample.detail) == (1.0, "0 calls, 20 expected in 2400 min")
    measured.values["freshness.last_at"] = (WEDNESDAY - timedelta(hours=5)).timestamp()
    assert LONG_SILENCE not in list_windows(measured), "a shorter one has a window of its own"


def test_a_sync_of_a_sunday_is_compared_with_sundays_alone() -> None:
    sunday = datetime(2031, 3, 16, 12, 0, tzinfo=UTC)
    measured = Measured(sunday)
    runs = [(sunday - timedelta(days=day), 0 if day % 7 == 0 else 300) for day in range(29)]
    measured.rows["syncs"] = [{"name": "calls", "started": at.timestamp(), "records": records} for at, records in runs]
    assert [sample.is_abstention for sample in list_sync_samples(measured)] == [True], "nothing comes on Sundays"
    (saturday,) = list_sync_samples(Measured(sunday, rows={"syncs": measured.rows["syncs"][1:]}))
    assert (saturday.value, saturday.detail) == (1.0, "300 records, 300 at this hour on earlier days")


@pytest.mark.parametrize(("records", "found"), [(4, [round(4 / 300, 4)]), (0, []), (90, []), (300, [])])
def test_sunday_counts_in_first_weeks_only_if_plainly_broken(records: int, found: list[float]) -> None:
    sunday = datetime(2031, 3, 16, 12, 0, tzinfo=UTC)
    runs = [(sunday - timedelta(days=day), records if day == 0 else 300) for day in range(10)]
    measured = Measured(sunday)
    measured.rows["syncs"] = [{"name": "calls", "started": at.timestamp(), "records": count} for at, count in runs]
    assert [sample.value for sample in list_sync_samples(measured) if not sample.is_abstention] == found


@pytest.mark.parametrize(
    ("items", "is_open", "newest_open", "is_down"),
    [
        (36, 6, 1, False),
        (36, 9, 1, True),
        (700, 60, 1, False),
        (700, 90, 2, True),
        (36, 3, 3, True),
        (1, 1, 1, True),
        (9, 1, 1, False),
    ],
)
def test_stage_without_queue_is_down_by_many_open_items(items: int, is_open: int, newest_open: int, is_down: bool) -> None:
    given = {"items": items, "open": is_open, "newest_open": newest_open, "since": WEDNESDAY.timestamp() - 4000}
    measured = Measured(WEDNESDAY, values={f"analyses.unfinished.{name}": value for name, value in given.items()})
    assert find_value(list_product_samples(get_stages(None), measured), "pipeline.unfinished_s") == (4000 if is_down else 0)

"""Forecasts: a backlog or a quota is announced where the trend shows it, and hardly ever by chance."""

import itertools
import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from callwatch.db.product_queries.cost_days import HourUsage
from callwatch.pipeline.forecasts.backlog import (
    STEP_MIN,
    STEPS,
    compute_slope,
    find_growth,
    forecast_limit,
    list_minutes,
    list_times,
    read_depths,
)
from callwatch.pipeline.forecasts.forecast import Forecast
from callwatch.pipeline.forecasts.outlook import find_usual_steps, judge_stage
from callwatch.pipeline.forecasts.quotas import QuotaOutlook, judge_quota
from callwatch.pipeline.forecasts.samples import list_backlog_samples, list_quota_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings.quotas import Quota, parse_quota

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2031, 3, 12, 15, 0, tzinfo=UTC)
FLAT = [0.0] * STEPS
# What the rule says: within two hours, for ten minutes.
WITHIN_S, FOR_MIN = 7200, 10


def count_poisson(draw: random.Random, mean: float) -> int:
    at, count = draw.expovariate(1.0), 0
    while at < mean:
        at, count = at + draw.expovariate(1.0), count + 1
    return count


def wander(draw: random.Random, kind: str) -> Iterator[float]:
    """A depth by minute of a stage in which nothing changes."""
    depth = 50.0
    while True:
        if kind == "random walk":
            depth = abs(depth + draw.gauss(0, 3))
        elif kind == "full queue":
            depth = max(0, depth + count_poisson(draw, 4.9) - count_poisson(draw, 5))
        elif kind == "slow return":
            depth = 50 + 0.97 * (depth - 50) + draw.gauss(0, 2)
        else:
            depth = max(0.0, draw.gauss(50, 8))
        yield round(depth)


def watch(depths: Iterator[float], minutes: int, limit: float) -> tuple[int, int]:
    """How many alerts begin, and in how many minutes a trend is seen; a look in each minute, as the monitor does."""
    known = deque(itertools.islice(depths, STEP_MIN * STEPS + 5), STEP_MIN * STEPS + 5)
    alerts = seen = held = 0
    for depth in itertools.islice(depths, minutes):
        known.append(depth)
        newest = len(known) - 1
        points = [
            median(list(itertools.islice(known, newest - STEP_MIN * back - 2, min(newest + 1, newest - STEP_MIN * back + 3))))
            for back in range(STEPS, -1, -1)
        ]
        growth = find_growth(points, FLAT)
        forecast = forecast_limit(growth, limit) if growth else None
        seen += growth is not None
        held = held + 1 if forecast and forecast.seconds < WITHIN_S else 0
        alerts += held == FOR_MIN
    return alerts, seen


@pytest.mark.parametrize(
    ("kind", "most_alerts", "most_seen"),
    [("random walk", 3, 0.003), ("full queue", 3, 0.003), ("slow return", 0, 0.001), ("noise", 0, 0.0002)],
)
def test_fifty_days_without_a_trend_raise_almost_no_alarm(kind: str, most_alerts: int, most_seen: float) -> None:
    minutes = 50 * 1440
    alerts, seen = watch(wander(random.Random(4), kind), minutes, limit=200)
    assert alerts <= most_alerts
    assert seen <= most_seen * minutes


@pytest.mark.parametrize(("per_hour", "limit"), [(40, 200), (80, 300), (300, 1000)])
def test_queue_that_stops_is_announced_before_it_is_full(per_hour: float, limit: float) -> None:
    found = 0
    for seed in range(20):
        draw, depth = random.Random(seed), 10
        known: list[float] = [10 + draw.choice((-1, 0, 1)) for _ in range(STEP_MIN * STEPS + 5)]
        held = 0
        while depth < limit and held < FOR_MIN:
            depth += count_poisson(draw, per_hour / 60)
            known.append(depth)
            newest = len(known) - 1
            points = [median(known[newest - STEP_MIN * back - 2 : newest - STEP_MIN * back + 3]) for back in range(STEPS, -1, -1)]
            growth = find_growth(points, FLAT)
            forecast = forecast_limit(growth, limit) if growth else None
            held = held + 1 if forecast and forecast.seconds < WITHIN_S else 0
        found += held >= FOR_MIN
    assert found >= 18


def test_usual_morning_is_no_trend() -> None:
    rise = [10.0 * place for place in range(STEPS + 1)]
    assert find_growth(rise, FLAT) is not None
    assert find_growth(rise, [10.0] * STEPS) is None
    assert find_growth([40.0 * place for place in range(STEPS + 1)], [10.0] * STEPS) is not None


def test_missing_drain_of_the_evening_alone_is_no_trend() -> None:
    assert find_growth([5.0] * (STEPS + 1), [-20.0] * STEPS) is None


def test_time_until_full_is_that_of_the_slope() -> None:
    growth = find_growth([10.0 * place for place in range(STEPS + 1)], FLAT)
    assert growth is not None
    assert (growth.depth, growth.per_hour) == (80.0, 60.0)
    forecast = forecast_limit(growth, 140)
    assert forecast is not None
    assert forecast.seconds == 3600
    assert forecast.until_s is not None
    assert forecast.since_s < 3600 < forecast.until_s
    assert forecast_limit(growth, 50) == Forecast(0.0, 0.0, 0.0)


def test_one_odd_reading_turns_no_slope() -> None:
    depths = [10.0 * place for place in range(STEPS + 1)]
    depths[4] = 900.0
    assert compute_slope(depths) == pytest.approx(10, abs=2)


STAGE = get_stages(None).stages[1]


def store(days: int, per_step: float) -> dict[datetime, float]:
    """The depths of today, which grow, and of earlier days, which do not."""
    known: dict[datetime, float] = {}
    for back in range(days + 1):
        for place, at in enumerate(list_times(NOW - timedelta(days=back))):
            known |= dict.fromkeys(list_minutes([at]), 5.0 if back else 5 + per_step * place)
    return known


def days_back(count: int) -> list[tuple[list[datetime], bool]]:
    return [(list_times(NOW - timedelta(days=back)), back not in (3, 4)) for back in range(1, count + 1)]


def test_short_history_is_unknown_and_no_all_clear() -> None:
    outlook = judge_stage(STAGE, store(2, 10), list_times(NOW), days_back(7))
    assert outlook.why is not None
    assert outlook.why.code == "not_recorded"
    (sample,) = list_backlog_samples([outlook])
    assert (sample.value, sample.reason) == (None, outlook.why)
    gap = {at: depth for at, depth in store(5, 10).items() if at < NOW - timedelta(minutes=30)}
    outlook = judge_stage(STAGE, gap, list_times(NOW), days_back(7))
    assert outlook.why is not None
    assert read_depths(gap, list_times(NOW)) is None


def test_growing_stage_has_a_sample_and_a_steady_one_none() -> None:
    (sample,) = list_backlog_samples([judge_stage(STAGE, store(5, 10), list_times(NOW), days_back(7))])
    # 85 wait, and 10 more come in each ten minutes: 15 are left.
    assert (sample.value, sample.labels) == (900, {"stage": "transcriptions"})
    assert sample.detail is not None
    assert sample.detail.startswith("85 wait, 60 more each hour: the limit of 100 is reached in ")
    assert list_backlog_samples([judge_stage(STAGE, store(5, 0), list_times(NOW), days_back(7))]) == []


def test_days_of_another_kind_count_only_where_others_are_few() -> None:
    known = store(7, 0)
    for place, at in enumerate(list_times(NOW - timedelta(days=3))):
        known |= dict.fromkeys(list_minutes([at]), 90.0 * place)
    assert find_usual_steps(known, days_back(7)) == FLAT
    assert find_usual_steps(known, days_back(2)) is None
    assert find_usual_steps(known, days_back(3)) == FLAT


TOKENS = Quota("openai", "gpt-a*", ("input_token", "output_token"), 1_000_000)
# Share of a day's use by hour: from 8 to 19 o'clock.
SHAPE = [0.0] * 8 + [4.0, 8, 10, 10, 7, 8, 10, 10, 9, 7, 4, 2] + [0.0] * 4


def use(day: date, tokens: float, draw: random.Random, until: int = 24, pace: dict[int, float] | None = None) -> list[HourUsage]:
    """The use of a day by hour, before an hour: calls at random, each with some tokens; pace: by hour."""
    rows: list[HourUsage] = []
    for hour in range(until):
        calls = count_poisson(draw, 300 * SHAPE[hour] / sum(SHAPE))
        used = sum(draw.lognormvariate(0, 0.6) / 1.2 for _ in range(calls)) * tokens / 300 * (pace or {}).get(hour, 1.0)
        at = datetime.combine(day, time(hour), UTC)
        for unit, quantity in (("input_token", used * 0.9), ("output_token", used * 0.1), ("call", float(calls))):
            rows.append({"day": day, "hour": at, "service": "openai", "model": "gpt-a-1", "unit": unit, "quantity": quantity})
    return rows


def judge(hours: list[HourUsage], day: date, hour: int) -> QuotaOutlook:
    return judge_quota(TOKENS, hours, datetime.combine(day, time(hour), UTC), UTC_ZONE)


def sum_tokens(rows: list[HourUsage]) -> float:
    return sum(row["quantity"] for row in rows if row["unit"] != "call")


def test_ninety_days_below_a_quota_raise_almost_no_alarm() -> None:
    """Days at three quarters of a quota; a few use it up, and the others may come close."""
    draw, first = random.Random(6), date(2031, 1, 1)
    history: list[list[HourUsage]] = []
    false = exceeded = seen = 0
    for number in range(28 + 90):
        day = first + timedelta(days=number)
        whole = use(day, 750_000 * draw.lognormvariate(0, 0.12), draw)
        is_exceeded = sum_tokens(whole) >= TOKENS.limit
        is_announced = False
        for hour in range(8, 20) if len(history) >= 28 else ():
            so_far = [row for row in whole if row["hour"].hour < hour]
            outlook = judge([*itertools.chain.from_iterable(history[-28:]), *so_far], day, hour)
            is_announced |= outlook.exhaustion is not None and sum_tokens(so_far) < TOKENS.limit
        if number >= 28:
            false, exceeded = false + (is_announced and not is_exceeded), exceeded + is_exceeded
            seen += is_announced and is_exceeded
        history.append(whole)
    assert false <= 3
    assert seen == exceeded > 0


def test_quota_that_ends_at_four_is_announced_before() -> None:
    found = []
    for seed in range(10):
        draw, today = random.Random(seed), date(2031, 3, 12)
        earlier = [row for back in range(1, 29) for row in use(today - timedelta(days=back), 700_000, draw)]
        whole = use(today, 700_000, draw, pace=dict.fromkeys(range(9, 24), 2.0))
        for hour in range(9, 20):
            so_far = [row for row in whole if row["hour"].hour < hour]
            outlook = judge([*earlier, *so_far], today, hour)
            if outlook.exhaustion is not None:
                assert sum_tokens(so_far) < TOKENS.limit
                found.append((hour, hour + outlook.exhaustion.seconds / 3600))
                break
    assert len(found) == 10
    assert median(hour for hour, _end in found) <= 12
    assert 14 < median(end for _hour, end in found) < 17


def test_used_up_quota_ends_now() -> None:
    draw, today = random.Random(1), date(2031, 3, 12)
    outlook = judge(use(today, 3_000_000, draw, until=15), today, 15)
    assert outlook.exhaustion is not None
    assert outlook.exhaustion.seconds == 0
    (sample,) = list_quota_samples([outlook], NOW, UTC_ZONE)
    assert (sample.value, sample.labels) == (0, {"service": "openai", "model": "gpt-a*"})
    assert (sample.detail or "").endswith("of 1,000,000 are used")


def test_quota_without_history_is_unknown() -> None:
    draw, today = random.Random(1), date(2031, 3, 12)
    outlook = judge(use(today, 500_000, draw, until=15), today, 15)
    assert outlook.exhaustion is None
    assert outlook.why is not None
    assert outlook.why.code == "not_recorded"
    quiet = judge([], today, 15)
    assert quiet.why is not None
    assert quiet.why.code == "no_traffic"
    assert [sample.is_abstention for sample in list_quota_samples([outlook, quiet], NOW, UTC_ZONE)] == [False, True]


def test_quota_counts_its_own_units_and_models() -> None:
    today = date(2031, 3, 12)
    at = datetime.combine(today, time(9), UTC)
    rows: list[HourUsage] = [
        {"day": today, "hour": at, "service": service, "model": model, "unit": unit, "quantity": 1.0}
        for service in ("openai", "deepgram")
        for model in ("gpt-a-1", "gpt-b")
        for unit in ("input_token", "audio_second", "call")
    ]
    assert judge(rows, today, 15).used == 1


@pytest.mark.parametrize(
    "raw",
    [
        {}, {"service": "openai", "units": [], "limit": 1}, {"service": "openai", "units": ["token"], "limit": 1},
        {"service": "openai", "units": ["call", "call"], "limit": 1}, {"service": "openai", "units": ["call"], "limit": 0},
        {"service": "openai", "units": ["call"], "limit": 1, "model": 7}, 7,
    ],
)  # fmt: skip
def test_bad_quota_is_named(raw: object) -> None:
    with pytest.raises(ValueError, match=r"^(an object|a list|a number|a text)"):
        parse_quota(raw)

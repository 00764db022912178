"""The most frequent groups: the fast way finds the same as a full sum."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from callwatch.db import connection, execute
from callwatch.db.error_queries import top_groups
from callwatch.db.error_queries.error_counts import Scope
from callwatch.db.error_queries.top_groups import list_top_groups_since

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SINCE = HOUR - timedelta(hours=24)
SCOPE: Scope = {"project_id": None, "environment": None}


def fill(counts: dict[tuple[int, int], int]) -> None:
    """Insert counters; counts: by (group, hours before now)."""
    groups = max(group for group, _hour in counts)
    with connection() as conn:
        execute(
            conn,
            """INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, message, severity, category,
               first_seen_at, last_seen_at) SELECT 1, 'production', n::text, '', '', 'low', 'api', now(), now()
               FROM generate_series(1, %s) AS n""",
            (groups,),
        )
        for (group, hour), count in counts.items():
            row = (HOUR - timedelta(hours=hour), group, count)
            execute(conn, "INSERT INTO callwatch.error_counts_by_group VALUES (%s, 1, 'production', %s, %s)", row)
        conn.commit()


def added_up(counts: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    sums: dict[int, int] = {}
    for (group, hour), count in counts.items():
        if hour <= 24:
            sums[group] = sums.get(group, 0) + count
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:10]


def found() -> list[tuple[int, int]]:
    with connection() as conn:
        return [(row["id"], row["count"]) for row in list_top_groups_since(conn, SINCE, HOUR, SCOPE, 10)]


@pytest.mark.parametrize("seed", range(4))
def test_the_short_way_finds_what_adding_up_finds(database: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_groups, "_DEPTH", 6)
    draw = random.Random(seed)
    # Skewed as errors are, evenly distributed as they are not, and in between.
    power = (0.2, 1, 3, 6)[seed]
    counts = {
        (group, hour): 1 + int(100 * draw.random() ** 2 * (group / 40) ** power)
        for group in range(1, 41)
        for hour in range(-1, 30)
        if draw.random() < 0.8
    }
    fill(counts)
    assert found() == added_up(counts)


def test_a_group_that_leads_in_no_hour_and_yet_has_most_is_found(database: str) -> None:
    bursts = {(group, 1 + group % 20): 2 for group in range(2, 1200)}
    steady = {(1, hour): 1 for hour in range(24)}
    fill(bursts | steady)
    assert found()[0] == (1, 24)


def test_without_errors_there_is_no_top(database: str) -> None:
    assert found() == []

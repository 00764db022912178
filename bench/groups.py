"""Compares GET /api/errors over a million error groups with a thousand: every filter, the search, and a distant page."""

import os
from datetime import UTC, datetime, timedelta

from bench._database import own_database
from bench.error_metrics import OPTIONS, measure_median_ms
from callwatch.counters.errors import EVERY_PROJECT
from callwatch.db import connection, execute
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import count_open
from callwatch.db.error_queries.group_lists import GroupFilters
from callwatch.reports.groups.error_groups import list_groups_page

FEW = 1_000
MANY = int(os.environ.get("ERROR_GROUPS", "1_000_000"))
ROUNDS = 5

_GROUPS = """
    INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, type, message, severity, category, state,
                                        count, first_seen_at, last_seen_at, release)
    SELECT 1 + n %% 3, (ARRAY['production', 'staging'])[1 + (n %% 10 = 0)::int], '1:' || md5(n::text), 'title ' || n,
           'app.errors.Type' || n %% 500, 'could not store call ' || md5(n::text) || ' in table t' || n %% 100,
           (ARRAY['low', 'medium', 'high', 'critical'])[1 + (n / 3) %% 4],
           (ARRAY['api', 'database', 'integration', 'system'])[1 + (n / 5) %% 4],
           (ARRAY['new', 'unresolved', 'resolved', 'ignored'])[1 + (n / 7) %% 4], n,
           %(now)s - n * interval '3 seconds' - interval '1 day', %(now)s - n * interval '3 seconds', 'r' || n %% 50
    FROM generate_series(1, %(count)s) AS n
"""
_AROUND = """
    INSERT INTO callwatch.error_fingerprints SELECT project_id, environment, fingerprint, id FROM callwatch.error_groups;
    INSERT INTO callwatch.error_group_tags
        SELECT id, ARRAY['zone:z' || id %% 4, 'customer:c' || id %% 20000] FROM callwatch.error_groups;
    INSERT INTO callwatch.error_group_releases
        SELECT id, release, 1, first_seen_at, last_seen_at FROM callwatch.error_groups;
"""
_NOW = datetime.now(UTC)
QUESTIONS: dict[str, GroupFilters] = {
    "no filter": {},
    "state": {"state": "ignored"},
    "severity": {"severity": "critical"},
    "category and severity": {"category": "system", "severity": "low"},
    "environment": {"environment": "staging"},
    "project": {"project": 2},
    "a release of one in fifty": {"release": "r7"},
    "a release of none": {"release": "none"},
    "a tag of one in four": {"tag": "zone:z1"},
    "a tag of one in 20,000": {"tag": "customer:c77"},
    "a tag of none": {"tag": "customer:none"},
    "a word of all": {"q": "store"},
    "a word of one in a hundred": {"q": "t77"},
    "the beginning of a type": {"q": "Type49"},
    "a word of none": {"q": "nowhere"},
    "two common words": {"q": "call table"},
    "an identifier of all": {"q": "could_not"},
    "an event or user of none": {"q": "ab" * 16},
    "the first seen": {"sort": "first_seen"},
    "the largest": {"sort": "count"},
    "the largest of a state": {"sort": "count", "state": "ignored"},
    "the most users of a word": {"sort": "users", "q": "t77"},
    "a word and a state": {"q": "t77", "state": "new"},
    "since an hour ago": {"since": _NOW - timedelta(hours=1)},
    "until long ago": {"until": _NOW - timedelta(days=33)},
    "a page far down": {"before_at": _NOW - timedelta(days=30), "before_id": 10},
}


def main() -> None:
    """Print milliseconds of each query at both sizes."""
    few, many = measure_groups(FEW), measure_groups(MANY)
    print(f"{'milliseconds for a page of 50 of':<34} {FEW:>9,} {MANY:>11,} groups")
    for name, many_ms in many.items():
        print(f"  {name:<32} {few[name]:>9.1f} {many_ms:>11.1f}")
    print(f"slowest of them: {max(many.values()):.0f} ms")


def measure_groups(count: int) -> dict[str, float]:
    """Return milliseconds per query with this many groups."""
    with own_database(OPTIONS):
        with connection() as conn:
            fill(conn, count)
            found = {name: measure_page_ms(conn, given) for name, given in QUESTIONS.items()}
            found["(count of the unresolved)"] = measure_median_ms(lambda: count_open(conn, **EVERY_PROJECT), ROUNDS)
        return found


def measure_page_ms(conn: AnyConnection, filters: GroupFilters) -> float:
    """Return milliseconds of one page."""
    return measure_median_ms(lambda: list_groups_page(conn, filters, 50, _NOW), ROUNDS)


def fill(conn: AnyConnection, count: int) -> None:
    """Insert this many groups, with fingerprints, tags and releases."""
    execute(conn, _GROUPS, {"now": _NOW, "count": count})
    execute(conn, _AROUND)
    conn.commit()
    conn.autocommit = True
    execute(conn, "VACUUM ANALYZE")
    conn.autocommit = False


if __name__ == "__main__":
    main()

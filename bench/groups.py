"""GET /api/errors over a million error groups against a thousand: every filter, the search, and a page far down."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from bench._database import own_database
from bench.error_metrics import OPTIONS, median_ms
from callwatch.db import connection, execute
from callwatch.db.connect import AnyConnection
from callwatch.db.error_groups import count_open
from callwatch.tracker.groups import groups_page
from callwatch.tracker.stats import EVERY_PROJECT

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
QUESTIONS: dict[str, dict[str, Any]] = {
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
    "a word and a state": {"q": "t77", "state": "new"},
    "since an hour ago": {"since": _NOW - timedelta(hours=1)},
    "until long ago": {"until": _NOW - timedelta(days=33)},
    "a page far down": {"before_at": _NOW - timedelta(days=30), "before_id": 10},
}


def main() -> None:
    """Print milliseconds of each question at both sizes."""
    few, many = measured(FEW), measured(MANY)
    print(f"{'milliseconds for a page of 50 of':<34} {FEW:>9,} {MANY:>11,} groups")
    for name, many_ms in many.items():
        print(f"  {name:<32} {few[name]:>9.1f} {many_ms:>11.1f}")
    print(f"slowest of them: {max(many.values()):.0f} ms")


def measured(count: int) -> dict[str, float]:
    """Milliseconds by question with so many groups."""
    with own_database(OPTIONS):
        with connection() as conn:
            fill(conn, count)
            found = {name: page_ms(conn, given) for name, given in QUESTIONS.items()}
            found["(count of the unresolved)"] = median_ms(lambda: count_open(conn, **EVERY_PROJECT), ROUNDS)
        return found


def page_ms(conn: AnyConnection, filters: dict[str, Any]) -> float:
    """Milliseconds of one page."""
    return median_ms(lambda: groups_page(conn, filters, 50, _NOW), ROUNDS)


def fill(conn: AnyConnection, count: int) -> None:
    """So many groups, with fingerprints, tags and releases."""
    execute(conn, _GROUPS, {"now": _NOW, "count": count})
    execute(conn, _AROUND)
    conn.commit()
    conn.autocommit = True
    execute(conn, "VACUUM ANALYZE")
    conn.autocommit = False


if __name__ == "__main__":
    main()

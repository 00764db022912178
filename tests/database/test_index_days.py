"""IndexDays: rows leave PostgreSQL for the archive, and are neither denied, miscounted nor out of an erasure's reach."""

import io
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.db import connection, ensure_partitions
from callwatch.db.core.migrate import FOLDER
from callwatch.db.core.query import execute
from callwatch.db.queries.retention import forget_old
from callwatch.db.queries.retention_clock import RetentionClock
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import FilesUnavailable, NotFound
from callwatch.models.shapes.error_groups import ErrorGroupDetail, OccurrenceDetail, UserErasure
from callwatch.payloads import erase_users
from callwatch.payloads.erase_users import continue_erasures
from callwatch.reports.groups.error_groups import list_groups_page, load_group_detail, load_occurrence
from callwatch.reports.groups.occurrence_erasure import delete_occurrence
from callwatch.reports.groups.user_erasure import erase_user
from callwatch.reports.missing_values import explain_nulls
from callwatch.settings import get_settings, reset_settings
from tests.support.api_shapes import check_shape
from tests.support.payload_store import list_archived, list_objects, list_stored, query
from tools.export import note_archived

# In the middle of a day, and at no hour of today's ahead of the database's clock.
NOW = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0)
OLD = NOW - timedelta(days=40)
ANN, BOB, NEAR_ANN = "a" * 32, "b" * 32, "a" * 31 + "c"
INDEX_DAYS, RETENTION_DAYS = 30, 90


def make_id(number: int) -> str:
    return f"{number:032x}"


def message(number: int, at: datetime, user: str | None = ANN, **fields: Any) -> str:
    given = {"type": "KeyError", "message": "secret", "event_id": make_id(number), "user_hash": user, "occurred_at": at, **fields}
    return build_error_message(finish_event(given, at), 1, at)


def store(numbers: Sequence[int], at: datetime, **fields: Any) -> None:
    """Digest events on the day of their arrival."""
    with connection() as conn:
        ensure_partitions(conn, at)
        conn.commit()
    digest([message(number, at, **fields) for number in numbers], at)


def forget(now: datetime = NOW, index_days: int | None = INDEX_DAYS) -> list[str]:
    """Let a cycle delete what is due; returns the days of errors that are left with rows."""
    clock = RetentionClock(now, now, now - timedelta(days=9), 9_999)
    with connection() as conn:
        ensure_partitions(conn, now)
        conn.commit()
        forget_old(conn, clock, RETENTION_DAYS, 365, index_days)
    return [str(row["day"]) for row in query("SELECT DISTINCT day FROM callwatch.error_logs ORDER BY 1")]


def show(name: str = "1") -> Any:
    with connection() as conn:
        found: Any = load_group_detail(conn, name, NOW, RETENTION_DAYS, {})
    check_shape(ErrorGroupDetail, {**found, "unknown": explain_nulls(found)})
    return found


def erase(number: int, day: datetime | None, name: str = "1") -> None:
    with connection() as conn:
        delete_occurrence(conn, name, make_id(number), "ana", "asked", NOW, RETENTION_DAYS, day.date() if day else None)
        conn.commit()


def erase_all(user: str = ANN) -> Any:
    with connection() as conn:
        answer = erase_user(conn, user, "ana", "asked")
        conn.commit()
    check_shape(UserErasure, answer)
    for _cycle in range(200):
        if not query("SELECT FROM callwatch.user_erasures WHERE finished_at IS NULL"):
            break
        with connection() as conn:
            continue_erasures(conn, get_settings().payloads_url)
            conn.commit()
    return query("SELECT found::int, erased::int FROM callwatch.user_erasures ORDER BY id DESC LIMIT 1")[0]


def test_rows_leave_and_counts_stay(folder: Path) -> None:
    store([1, 2], OLD)
    store([3], NOW)
    before = show()
    assert forget(index_days=None) == [f"{OLD:%Y-%m-%d}", f"{NOW:%Y-%m-%d}"]
    assert forget() == [f"{NOW:%Y-%m-%d}"]
    after = show()
    assert (after["count"], after["users"], after["first_seen_at"]) == (3, before["users"], before["first_seen_at"])
    assert [each["event_id"] for each in after["occurrences"]] == [make_id(3)]
    assert (before["only_archived"], after["only_archived"]) == (None, {"first_day": OLD.date(), "last_day": OLD.date()})
    with connection() as conn:
        assert [item["count"] for item in list_groups_page(conn, {}, 10, NOW)[0]] == [3]
    assert query("SELECT sum(count)::int AS n FROM callwatch.error_counts_hourly") == [{"n": 3}]
    assert list_archived(folder) == [make_id(n) for n in (1, 2, 3)]


def test_missing_row_names_the_archive_and_its_days(folder: Path) -> None:
    store([1], OLD)
    store([3], NOW)
    forget()
    with connection() as conn:
        with pytest.raises(NotFound, match=rf"{OLD:%Y-%m-%d} to {OLD:%Y-%m-%d} may be only in the archive.*make query"):
            load_occurrence(conn, "1", make_id(1), NOW, RETENTION_DAYS, {})
        unread: dict[str, Any] = {}
        found: Any = load_occurrence(conn, "1", make_id(3), NOW, RETENTION_DAYS, unread)
    assert found["previous_event_id"] is None
    assert unread["previous_event_id"].code == "unavailable"
    check_shape(OccurrenceDetail, {**found, "unknown": {**explain_nulls(found), **unread}})
    with pytest.raises(NotFound, match="with its day in the query"):
        erase(1, None)
    output = io.StringIO()
    with connection() as conn:
        note_archived(conn, output)
    assert f"{OLD:%Y-%m-%d} to {OLD:%Y-%m-%d}" in output.getvalue()


def test_nothing_in_the_archive_is_said_as_before(folder: Path) -> None:
    store([3], NOW)
    forget()
    output = io.StringIO()
    with connection() as conn:
        with pytest.raises(NotFound, match="past retention"):
            load_occurrence(conn, "1", make_id(1), NOW, RETENTION_DAYS, {})
        note_archived(conn, output)
    assert output.getvalue() == ""


def test_day_with_a_row_that_no_object_holds_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store([1], OLD)
    store([5], OLD - timedelta(days=1))
    monkeypatch.setenv("PAYLOAD_STORE", "postgres")
    reset_settings()
    store([2], OLD)
    monkeypatch.setenv("PAYLOAD_STORE", "s3")
    reset_settings()
    assert forget() == [f"{OLD:%Y-%m-%d}"]
    assert list_stored() == [make_id(1), make_id(2)]
    later = OLD + timedelta(days=RETENTION_DAYS + 2)
    assert forget(later) == []
    assert query("SELECT FROM callwatch.unarchived_days WHERE day <= %s", OLD.date()) == []


def test_second_delivery_keeps_no_day(folder: Path) -> None:
    store([1], OLD)
    digest([message(1, OLD)], OLD)
    assert query("SELECT FROM callwatch.unarchived_days WHERE day = %s", OLD.date()) == []
    assert forget() == []


def test_days_before_the_upgrade_stay_for_retention(folder: Path) -> None:
    store([1], OLD)
    migration = (FOLDER / "0086_index_days.sql").read_text()
    with connection() as conn:
        execute(conn, migration[migration.index("INSERT INTO callwatch.unarchived_days") : migration.index("ALTER TABLE")])
        conn.commit()
    assert forget() == [f"{OLD:%Y-%m-%d}"]


@pytest.mark.parametrize("ahead_days", [1, 40, 4_000])
def test_wrong_clock_drops_no_row_early(folder: Path, ahead_days: int) -> None:
    store([1], NOW - timedelta(days=INDEX_DAYS))
    wrong = NOW + timedelta(days=ahead_days)
    # The clock has jumped: the time that retention trusts has not.
    clock = RetentionClock(wrong, NOW, wrong, 0)
    with connection() as conn:
        forget_old(conn, clock, RETENTION_DAYS, 365, INDEX_DAYS)
    assert list_stored() == [make_id(1)]
    assert forget(NOW + timedelta(days=2)) == []


def test_index_keeps_what_a_second_delivery_needs(folder: Path) -> None:
    store([1], NOW - timedelta(days=21))
    forget(index_days=1)
    assert list_stored() == [make_id(1)]


@pytest.mark.parametrize("seed", range(4))
def test_user_is_erased_in_both_places(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(erase_users, "OBJECTS_AT_ONCE", draw.randint(1, 3))
    monkeypatch.setattr("callwatch.db.archive_queries.archived_objects._LOOKED_AT", draw.randint(1, 4))
    kept: list[str] = []
    gone: list[str] = []
    number = 0
    for _batch in range(8):
        at = draw.choice([OLD, OLD - timedelta(days=1), NOW])
        for user in draw.sample([ANN, BOB, NEAR_ANN, None], draw.randint(1, 4)):
            number += 1
            (gone if user == ANN else kept).append(make_id(number))
            # A group keeps its link to a user while it has rows that may be the user's.
            store([number], at, user=user, type="NearError" if user == NEAR_ANN else "KeyError")
    if draw.random() < 0.5:
        query("UPDATE callwatch.payload_objects SET members = NULL RETURNING id")
    forget()
    in_index = len(set(list_stored()) & set(gone))
    done = erase_all()
    assert done["erased"] == len(gone)
    assert in_index <= done["found"] <= in_index + len(kept)
    assert list_archived(folder) == kept
    with connection() as conn:
        again: Any = erase_user(conn, ANN, "ana", "asked")
    assert again["finished_at"] is not None, "nothing is left to begin another one for"


def test_user_whom_only_the_archive_knows_is_erased(folder: Path) -> None:
    store([1, 2], OLD - timedelta(days=60), user=ANN)
    store([3], OLD - timedelta(days=60), user=BOB)
    forget()
    assert query("SELECT FROM callwatch.error_groups") == [], "past retention"
    assert erase_all() == {"found": 0, "erased": 2}
    assert list_archived(folder) == [make_id(3)]
    with connection() as conn, pytest.raises(NotFound):
        erase_user(conn, "d" * 32, "ana", "asked")


def test_event_in_the_archive_is_erased_by_its_day(folder: Path) -> None:
    store([1, 2], OLD)
    store([3], NOW)
    forget()
    with pytest.raises(NotFound, match="whose row is gone"):
        erase(1, OLD + timedelta(days=1))
    erase(1, OLD)
    assert list_archived(folder) == [make_id(2), make_id(3)]
    assert show()["history"][0]["action"] == "delete_occurrence"
    records = query("SELECT actor, reason, event_id::text AS id, group_id::int, occurrences::int FROM callwatch.error_deletions")
    expected = {"actor": "ana", "reason": "asked", "id": "00000000-0000-0000-0000-000000000001", "group_id": 1, "occurrences": 1}
    assert records == [expected]
    with pytest.raises(NotFound, match="whose row is gone"):
        erase(1, OLD)


def test_event_of_a_forgotten_group_is_named_by_fingerprint(folder: Path) -> None:
    day = OLD - timedelta(days=60)
    store([1, 2], day)
    (row,) = query("SELECT fingerprint FROM callwatch.error_groups")
    forget()
    with pytest.raises(NotFound, match="no error group"):
        erase(1, None, row["fingerprint"])
    with pytest.raises(NotFound, match="whose row is gone"):
        erase(1, day, "2:another")
    erase(1, day, row["fingerprint"])
    assert list_archived(folder) == [make_id(2)]


def test_erasure_waits_for_the_store(folder: Path) -> None:
    store([1], OLD)
    forget()
    folder.rename(folder.with_name("elsewhere"))
    folder.write_bytes(b"")
    with pytest.raises(FilesUnavailable):
        erase(1, OLD)
    with pytest.raises(FilesUnavailable):
        erase_all()
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    assert query("SELECT erased::int AS n FROM callwatch.user_erasures WHERE finished_at IS NULL") == [{"n": 0}]
    with connection() as conn:
        for _cycle in range(3):
            continue_erasures(conn, str(folder))
            conn.commit()
    assert list_archived(folder) == []


def test_expired_object_is_no_obstacle(folder: Path) -> None:
    store([1], OLD)
    forget()
    for path in list_objects(folder):
        path.unlink()
    assert erase_all() == {"found": 0, "erased": 0}

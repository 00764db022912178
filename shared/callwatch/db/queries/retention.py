"""Deletes expired rows of every table, by the time that retention trusts."""

from dataclasses import dataclass
from datetime import timedelta

from callwatch.db.alert_queries.external_alerts import forget_alerts
from callwatch.db.alert_queries.metric_minutes import delete_old_minutes
from callwatch.db.alert_queries.outbox import forget_deliveries
from callwatch.db.archive_queries.archived_days import drop_archived_days, forget_marks
from callwatch.db.archive_queries.payload_objects import delete_objects_before
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.partitions import drop_old_partitions
from callwatch.db.error_queries.deploys import delete_releases_before
from callwatch.db.error_queries.error_groups import end_ignoring
from callwatch.db.error_queries.error_retention import forget_old_counts, forget_old_groups
from callwatch.db.error_queries.group_deletions import forget_deletions
from callwatch.db.ingest_queries.ingest_counts import delete_ingest_before
from callwatch.db.ingest_queries.log_counts import delete_lines_before
from callwatch.db.ingest_queries.session_counts import delete_sessions_before
from callwatch.db.ingest_queries.user_feedback import delete_feedback_before
from callwatch.db.ingest_queries.work_histograms import delete_work_before
from callwatch.db.product_queries.balances import KEPT as BALANCES_KEPT
from callwatch.db.product_queries.balances import delete_balances_before
from callwatch.db.product_queries.cost_days import DAYS_KEPT, delete_costs_before
from callwatch.db.product_queries.replays import delete_replays_before
from callwatch.db.queries.check_ins import forget_monitors
from callwatch.db.queries.check_results import delete_old_results
from callwatch.db.queries.cycles import delete_cycles_before
from callwatch.db.queries.refused_requests import delete_reports_before
from callwatch.db.queries.request_histograms import delete_histograms_before
from callwatch.db.queries.retention_clock import RetentionClock
from callwatch.db.queries.setting_changes import delete_changes_before
from callwatch.db.queries.stage_depths import delete_old_depths
from callwatch.db.report_queries.access_log import delete_records_before
from callwatch.db.report_queries.access_minutes import delete_counts_before
from callwatch.db.report_queries.session_ends import forget_ends
from callwatch.db.report_queries.user_erasures import forget_erasures
from callwatch.db.usage_queries.model_calls import delete_usage_before

CYCLES_KEPT = timedelta(days=30)
MINUTES_KEPT = timedelta(days=2)
# The report of the last complete week needs them.
ACCESS_COUNTS_KEPT = timedelta(days=15)
# The longest that a bucket of the stack keeps objects (ArchiveYears): until then an erasure looks for them.
OBJECTS_KEPT = timedelta(days=3_660)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The counts of what one cycle deleted."""

    partitions: int
    groups: int


def forget_old(
    conn: AnyConnection,
    clock: RetentionClock,
    retention_days: int,
    access_retention_days: int,
    index_days: int | None = None,
) -> Forgotten:
    """Delete expired rows, a bounded part at a time; each part is committed by itself.

    index_days: after this many days the archive alone has occurrences, where it has them all.
    """
    now = clock.delete_at
    oldest = now - timedelta(days=retention_days)
    dropped = drop_old_partitions(conn, now, retention_days)
    if index_days is not None:
        dropped += drop_archived_days(conn, now, index_days)
    forget_marks(conn, oldest.date())
    delete_cycles_before(conn, now - CYCLES_KEPT)
    delete_histograms_before(conn, now - MINUTES_KEPT, oldest)
    delete_old_results(conn, now)
    delete_old_depths(conn, now)
    delete_usage_before(conn, oldest)
    delete_releases_before(conn, oldest)
    delete_old_minutes(conn, now)
    delete_reports_before(conn, now - MINUTES_KEPT)
    forget_monitors(conn, now)
    delete_ingest_before(conn, now, oldest)
    forget_alerts(conn, now)
    delete_work_before(conn, now - MINUTES_KEPT)
    delete_lines_before(conn, now - MINUTES_KEPT)
    delete_sessions_before(conn, oldest)
    delete_feedback_before(conn, oldest)
    conn.commit()
    if clock.is_settled:
        # This deletes nothing and follows the clock, but a clock that has just jumped ends no group's ignore time.
        end_ignoring(conn, clock.seen_at)
        conn.commit()
    forget_old_counts(conn, now, retention_days)
    conn.commit()
    delete_objects_before(conn, (now - OBJECTS_KEPT).date())
    groups = forget_old_groups(conn, now, retention_days)
    conn.commit()
    forget_deletions(conn, now)
    forget_erasures(conn, now)
    conn.commit()
    forget_deliveries(conn, oldest)
    delete_replays_before(conn, oldest)
    delete_changes_before(conn, oldest)
    delete_costs_before(conn, (now - DAYS_KEPT).date())
    delete_balances_before(conn, now - BALANCES_KEPT)
    conn.commit()
    delete_counts_before(conn, now, ACCESS_COUNTS_KEPT)
    forget_ends(conn, now)
    delete_records_before(conn, now - timedelta(days=access_retention_days))
    conn.commit()
    return Forgotten(len(dropped), groups)

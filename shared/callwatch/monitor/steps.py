"""The steps of the monitor's cycle in order; each calls the part that does the work."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from callwatch import sqs
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.partitions import ensure_partitions
from callwatch.db.error_queries.group_deletions import continue_deletions
from callwatch.db.queries.retention import forget_old
from callwatch.db.queries.retention_clock import read_clock
from callwatch.digest.flush import flush
from callwatch.exceptions import FilesUnavailable, QueueUnavailable
from callwatch.models.sample import Sample
from callwatch.monitor.archive_step import archive
from callwatch.monitor.check_step import check
from callwatch.monitor.cycle import NOTIFY_S, Cycle, Step
from callwatch.monitor.evaluate_step import evaluate
from callwatch.monitor.measure_step import measure
from callwatch.monitor.own_samples import measure_clock
from callwatch.monitor.status_page_step import write_status_page
from callwatch.monitor.vendors_step import read_vendor_balances, read_vendor_pages
from callwatch.monitor.weekly_report_step import send_weekly_report
from callwatch.payloads.erase import erase_payloads
from callwatch.payloads.erase_users import continue_erasures
from callwatch.payloads.objects import sweep_objects
from callwatch.settings import get_settings
from callwatch.uploads.bundles import delete_unused

FLUSH_S = 20.0
_log = logging.getLogger(__name__)


def build_steps(own_samples: Callable[[], list[Sample]]) -> list[Step]:
    """Return the cycle's steps; own_samples provides the samples about the running process."""
    return [
        ("prepare", _prepare),
        ("flush", _flush),
        ("check", check),
        ("measure", lambda cycle: measure(cycle, own_samples)),
        ("evaluate", evaluate),
        ("weekly_report", send_weekly_report),
        ("notify", _notify),
        ("status_page", write_status_page),
        ("vendor_pages", read_vendor_pages),
        ("vendor_balances", read_vendor_balances),
        ("archive", archive),
    ]


def _prepare(cycle: Cycle) -> Mapping[str, object]:
    settings = get_settings()
    with connection() as conn:
        made = ensure_partitions(conn, cycle.now)
        conn.commit()
        clock = read_clock(conn, cycle.now, settings.retention_clock_trusted_until)
        conn.commit()
        cycle.samples += measure_clock(conn, clock)
        index_days = settings.index_days if settings.payload_store else None
        forgotten = forget_old(conn, clock, settings.retention_days, settings.access_retention_days, index_days)
        cleared = _clear_stores(conn, clock.delete_at - timedelta(days=settings.retention_days))
    return {
        "partitions_made": len(made),
        "partitions_dropped": forgotten.partitions,
        "groups_forgotten": forgotten.groups,
        **cleared,
        "deletes_as_of": clock.delete_at.isoformat(),
    }


def _clear_stores(conn: AnyConnection, maps_before: datetime) -> dict[str, int | None]:
    """Remove files that nobody needs, and what people deleted, whatever the clock says.

    None: the store does not respond, so the files stay for now, and stay known.
    """
    settings = get_settings()
    maps_url, payloads_url = settings.source_maps_url, settings.payloads_url
    parts: dict[str, Callable[[], int]] = {
        "source_maps_deleted": lambda: delete_unused(conn, maps_url, maps_before),
        "deletions_finished": lambda: continue_deletions(conn, lambda conn, places: erase_payloads(conn, payloads_url, places)),
        "users_erased": lambda: continue_erasures(conn, payloads_url),
        "payload_objects_swept": lambda: sweep_objects(conn, payloads_url),
    }
    done: dict[str, int | None] = dict.fromkeys(parts)
    for name, work in parts.items():
        try:
            done[name] = work()
            conn.commit()
        except FilesUnavailable as error:
            conn.rollback()
            _log.warning("files stay for now: %s", error, extra={"part": name})
    return done


def _flush(cycle: Cycle) -> Mapping[str, object]:
    try:
        flushed = flush(cycle.now, cycle.compute_remaining_s(FLUSH_S), cycle.state.unstored)
    except QueueUnavailable as error:
        cycle.uncounted = f"accepted errors and requests wait in the queue: {error}"
        cycle.unread += ("queue.oldest_message_s",)
        # A queue that throttles is up.
        cycle.samples.append(Sample("queue.up", 1.0 if error.is_throttled else 0.0, detail=str(error)))
        raise
    except Exception as error:
        cycle.state.unstored_elsewhere.note_failed(cycle.now)
        cycle.uncounted = f"accepted errors and requests wait in the queue: the flush failed ({type(error).__name__})"
        cycle.unread += ("queue.up",)
        if not _sample_unstored(cycle):
            cycle.unread += ("queue.oldest_message_s",)
        raise
    cycle.samples.append(Sample("queue.up", 1.0))
    if not _sample_unstored(cycle) and not _sample_hidden(cycle):
        detail = "drained" if flushed.is_drained else "not drained within the cycle"
        cycle.samples.append(Sample("queue.oldest_message_s", flushed.oldest_s, detail=detail))
    return dataclasses.asdict(flushed)


def _sample_unstored(cycle: Cycle) -> bool:
    """Sample the age of what was received but could not be stored; False if there is nothing."""
    waiting = cycle.state.unstored.find(cycle.now)
    if waiting is None:
        return False
    age_s = max(0.0, (cycle.now - waiting.since).total_seconds())
    detail = f"could not be stored ({waiting.reason})"
    cycle.samples.append(Sample("queue.oldest_message_s", age_s, detail=detail, since=waiting.since))
    cycle.uncounted = f"accepted errors and requests {detail}"
    return True


def _sample_hidden(cycle: Cycle) -> bool:
    """Sample the greatest possible age of what an event source may hide after an outage; False if it hides nothing.

    In the usual case its messages are in flight for seconds, like those that are still on their way to the queue.
    """
    settings, memory = get_settings(), cycle.state.unstored_elsewhere
    if not settings.parallel_digest or memory.since is None:
        return False
    try:
        in_flight: int | None = sqs.estimate_in_flight(settings.error_queue_url)
    except QueueUnavailable:
        in_flight = None
    since = memory.find_since(cycle.now, 1 if in_flight is None else in_flight)
    if since is None:
        return False
    detail = f"{'an unknown number of' if in_flight is None else in_flight} messages may wait hidden after an outage"
    age_s = max(0.0, (cycle.now - since).total_seconds())
    cycle.samples.append(Sample("queue.oldest_message_s", age_s, detail=detail, since=since))
    cycle.uncounted = f"accepted errors and requests: {detail}"
    return True


def _notify(cycle: Cycle) -> Mapping[str, object]:
    return dataclasses.asdict(deliver_due(cycle.get_time(), cycle.compute_remaining_s(NOTIFY_S)))

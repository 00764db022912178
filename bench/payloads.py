"""Measures what an event takes in PostgreSQL with its payload in a row and in an object, and how long one takes to read."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

from bench._database import own_database
from bench._objects import bucket_over_http, count_bytes
from bench._results import Figure, build_figure, write_results
from bench.digest import build_messages, flush_rate
from callwatch.db import connection, fetch_all, fetch_one
from callwatch.digest import store
from callwatch.reports.groups.error_groups import load_occurrence
from callwatch.settings import reset_settings

EVENTS, BATCHES = 24_000, 6
READS = 400
MAX_BYTES, MAX_P95_MS = 350.0, 150.0
_SIZE = """
    SELECT sum(pg_total_relation_size(class.oid))::bigint AS n FROM pg_class AS class
    WHERE relnamespace = 'callwatch'::regnamespace AND relkind = 'r'
"""
_NAMES = "SELECT group_id::text AS name, event_id::text AS id FROM callwatch.error_logs ORDER BY md5(event_id::text) LIMIT %s"


def main() -> None:
    """Print bytes of an event and the time of a read: in PostgreSQL, in a folder, and in a bucket that is asked over HTTP."""
    bodies = build_messages(EVENTS, 1, apart_ms=1)
    print(f"{EVENTS:,} events of {len(bodies[0]):,} bytes, 50 groups, 2,000 users, in {BATCHES} batches")
    figures = []
    with own_database():
        whole, rate, read_ms = measure(bodies)
        figures += print_mode("postgres", whole, rate, read_ms)
    with own_database(), tempfile.TemporaryDirectory() as folder, objects_in(folder):
        kept, rate, read_ms = measure(bodies)
        figures += print_mode("s3, a folder in its place", kept, rate, read_ms)
    with own_database(), bucket_over_http() as url, objects_in(url):
        kept, rate, read_ms = measure(bodies)
        figures += print_mode("s3 over HTTP", kept, rate, read_ms)
        outside = count_bytes(url) / EVENTS
    print(f"{outside:,.0f} bytes an event in objects; PostgreSQL holds {kept / whole:.3f} of before")
    is_small, is_quick = kept <= MAX_BYTES, find_p95(read_ms) <= MAX_P95_MS
    print(f"at most {MAX_BYTES:,.0f} bytes: {judge(is_small)}; p95 over HTTP at most {MAX_P95_MS:.0f} ms: {judge(is_quick)}")
    figures.append(build_figure("bytes of an event in objects", outside, "bytes"))
    write_results("payloads", figures)


def print_mode(mode: str, kept: float, rate: float, read_ms: list[float]) -> list[Figure]:
    """Print the figures of one store; returns them."""
    print(f"{mode:<26}{kept:>7,.0f} bytes an event with indexes, flush {rate:>6,.0f} events/s, read {describe(read_ms)}")
    has_objects = mode != "postgres"
    return [
        build_figure("bytes of an event in PostgreSQL", kept, "bytes", MAX_BYTES if has_objects else None, store=mode),
        build_figure("flush", rate, "events/s", None, store=mode),
        build_figure("one occurrence, median", statistics.median(read_ms), "ms", None, store=mode),
        build_figure("one occurrence, p95", find_p95(read_ms), "ms", MAX_P95_MS if has_objects else None, store=mode),
    ]


@contextmanager
def objects_in(url: str) -> Iterator[None]:
    """Store payloads in objects of a folder or a bucket."""
    with patch.dict("os.environ", {"PAYLOAD_STORE": "s3", "PAYLOADS_URL": url}):
        reset_settings()
        yield
    reset_settings()


def measure(bodies: list[str]) -> tuple[float, float, list[float]]:
    """Return bytes in PostgreSQL, events per second of the flush, and the times of single reads in ms.

    All tables and indexes count that grow with the events: rows, groups, counters, users and objects.
    """
    before = ask_size()
    share = len(bodies) // BATCHES
    # Nothing is sampled out: a payload that is left out takes no room in either mode.
    with patch.object(store, "PAYLOADS_PER_HOUR", len(bodies)):
        rates = [flush_rate(bodies[start : start + share]) for start in range(0, len(bodies), share)]
    bytes_an_event = (ask_size() - before) / len(bodies)
    with connection() as conn:
        names = fetch_all(conn, _NAMES, (READS,))
    return bytes_an_event, statistics.median(rates), [measure_ms(read_one(row["name"], row["id"])) for row in names]


def read_one(name: str, event_id: str) -> Callable[[], None]:
    """Return a read of one occurrence, as GET /api/errors/{id}/occurrences/{event_id} does it."""

    def read() -> None:
        with connection() as conn:
            found = load_occurrence(conn, name, event_id, datetime.now(UTC), 90, {})
        assert found["frames"], "the payload was not read"

    return read


def measure_ms(call: Callable[[], None]) -> float:
    """Return the duration of a call."""
    began_s = time.perf_counter()
    call()
    return (time.perf_counter() - began_s) * 1000


def ask_size() -> int:
    """Return the bytes of all tables with their indexes."""
    with connection() as conn:
        row = fetch_one(conn, _SIZE)
    assert row is not None
    return int(row["n"])


def describe(times_ms: list[float]) -> str:
    """Return the median and the 95th percentile as text."""
    return f"median {statistics.median(times_ms):.1f} ms, p95 {find_p95(times_ms):.1f} ms"


def find_p95(times_ms: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(times_ms, n=20)[-1]


def judge(is_met: bool) -> str:
    """Return a word for a limit."""
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    main()

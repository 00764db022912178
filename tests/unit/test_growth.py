"""The cost of foreign text: twice the text takes about twice the CPU, and no request exceeds its ceiling.

The short form tries every shape in every place at small sizes; the long one sends one and two megabytes. Both print their
measurements (`pytest -s`).
"""

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.events.event import build_error_message, finish_event
from callwatch.events.work_limit import REQUEST_CPU_S
from callwatch.grouping.stack_text import parse_frames
from callwatch.ingest.hostile_json import _flatten, load_hostile
from callwatch.ingest.otlp.accept import MAX_ERRORS
from callwatch.ingest.sentry.convert import convert
from callwatch.scrubbing import text as scrub_text
from tests.support.flooded_ingest import KEY, FloodedIngest
from tests.support.hostile_shapes import PLACES, SHAPES, as_json, build_errors, build_log_records, event_at

MAX_GROWTH = 2.5
CEILING_S = 2.0
MIB = 1024 * 1024
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COMBINATIONS = list(itertools.product(SHAPES, PLACES))
# Below this, a ratio depends on the machine rather than on the code.
FLOOR_S = 0.03
# A single try is enough if both are fast.
MIN_TRIES, TRIES = 3, 15
# Well above the windows of the scrubber, below which cost grows per character.
SIZES = (24_000, 48_000)
# In these places, twenty texts share the size of the event.
SHARED = ("value", "cause")
SIZES_OF_VALUES = (48_000, 96_000)
REQUEST_BYTES = (1_000_000, 2_000_000)


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


@pytest.fixture(scope="module", autouse=True)
def heap() -> Iterator[None]:
    """Keep the objects of earlier tests away from the garbage collector: a look through them is no cost of the text."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[list[str]]:
    """Return the lines of the table, highest CPU time of the larger text first."""
    rows: list[str] = []
    yield rows
    print(f"\n{'s at n':>8}{'s at 2n':>9}{'ratio':>7}  shape, place")
    print("\n".join(sorted(rows, reverse=True)[:60]))


def cpu_s(action: Callable[[], Any]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def growth(small: Callable[[], Any], large: Callable[[], Any]) -> tuple[float, float]:
    """Return the CPU times of both sizes in the try with the median ratio.

    Both times of a try are neighbors, so that another process that shares the core slows both; one that does so for a part of a
    try makes that try an outlier, in either direction. Work that grows with the square has a ratio of 4 in every try.
    """
    first, second = cpu_s(small), cpu_s(large)
    tries = [(first, second)]
    while second > FLOOR_S and len(tries) < TRIES and (len(tries) < MIN_TRIES or second > MAX_GROWTH * first):
        tries.append((cpu_s(small), cpu_s(large)))
        first, second = sorted(tries, key=lambda times: times[1] / max(times[0], 1e-6))[len(tries) // 2]
    return first, second


def assert_growth(name: str, small: Callable[[], Any], large: Callable[[], Any], table: list[str]) -> None:
    first, second = growth(small, large)
    ratio = second / max(first, 1e-6)
    table.append(f"{first:>8.3f}{second:>9.3f}{ratio:>7.1f}  {name}")
    assert second <= FLOOR_S or ratio <= MAX_GROWTH, f"{name}: {first:.3f} s, and {second:.3f} s for twice the text"


def finish(event: dict[str, Any]) -> None:
    """Process an event completely, without a CPU limit."""
    scrub_text._scrub_remembered.cache_clear()
    build_error_message(finish_event(convert(event, "key"), NOW), 1, NOW)


def short_form() -> Iterator[tuple[str, str]]:
    """Return every shape in three places and every place with a dozen shapes: that covers what places share."""
    places = list(PLACES)
    for number, shape in enumerate(SHAPES):
        for step in range(3):
            yield places[(number * 3 + step) % len(places)], shape


def test_there_are_enough_combinations() -> None:
    assert len(COMBINATIONS) >= 1_000
    assert len(set(short_form())) >= 200


def test_work_that_grows_with_the_square_is_found() -> None:
    def spend(count: int) -> Callable[[], int]:
        return lambda: sum(number & 1 for number in range(count * count))

    with pytest.raises(AssertionError, match="for twice the text"):
        assert_growth("square", spend(700), spend(1_400), [])


@pytest.mark.parametrize("place", PLACES)
def test_work_grows_with_the_text(place: str, table: list[str]) -> None:
    for shape in [shape for found, shape in short_form() if found == place]:
        small, large = (event_at(place, shape, size) for size in (SIZES_OF_VALUES if place in SHARED else SIZES))
        assert_growth(f"{shape}, {place}", lambda: finish(small), lambda: finish(large), table)  # noqa: B023 - called at once


@pytest.mark.parametrize("shape", SHAPES)
def test_a_header_line_costs_no_more_than_reading_it(ingest: FloodedIngest, shape: str, table: list[str]) -> None:
    text = SHAPES[shape](MIB).encode("utf-8", "surrogatepass")[:MIB]
    for status, send in ((401, lambda body: ingest.post("envelope", body)), (400, ingest.send_envelope)):
        seconds, answers = [], []
        for body in (text, text * 2):
            seconds.append(cpu_s(lambda: answers.append(send(body)[0])))  # noqa: B023 - called at once
        table.append(f"{seconds[0]:>8.3f}{seconds[1]:>9.3f}{seconds[1] / seconds[0]:>7.1f}  {shape}, header line, {status}")
        assert answers in ([status] * 2, [400] * 2)
        assert max(seconds) < 0.5


@pytest.mark.parametrize(
    ("shape", "place"), [("card groups", "extra"), ("escaped escapes", "message"), ("braces", "many keys"), ("streets", "SQL")]
)
def test_a_megabyte_has_a_ceiling(ingest: FloodedIngest, shape: str, place: str, table: list[str]) -> None:
    assert_ceiling(ingest, shape, place, table)


def send_event(ingest: FloodedIngest, function: str, event: dict[str, Any]) -> tuple[int, float]:
    """Send a request with this event; return status and CPU seconds."""
    body = as_json({"message": "x", "context": event}) if function == "errors" else b'{}\n{"type":"event"}\n' + as_json(event)
    started = time.process_time()
    status = ingest.send_envelope(body)[0] if function == "envelope" else ingest.send_errors_raw(body)[0]
    return status, time.process_time() - started


def assert_ceiling(ingest: FloodedIngest, shape: str, place: str, table: list[str]) -> None:
    """Send one and two megabytes in a request each; larger events are rejected."""
    seconds = []
    for size, function in itertools.product(REQUEST_BYTES, ("envelope", "errors")):
        status, took = send_event(ingest, function, event_at(place, shape, size))
        assert status in (200, 202, 413)
        assert took < CEILING_S, f"{shape}, {place}: {took:.2f} s at {size} bytes"
        if status != 413 and took > REQUEST_CPU_S:
            assert any("cpu_limit" in message["event"]["trimmed"] for message in ingest.sent), f"{shape}, {place}"
        seconds.append(took)
        ingest.sent.clear()
    first, second = max(seconds[:2]), max(seconds[2:])
    table.append(f"{first:>8.3f}{second:>9.3f}{second / first:>7.1f}  {shape}, {place}")
    # A request that is shortened costs what the timer grants, and its larger double no more.
    assert second <= max(MAX_GROWTH * first, REQUEST_CPU_S / 2), (
        f"{shape}, {place}: {first:.2f} s, and {second:.2f} s for twice the text"
    )


def send_errors(ingest: FloodedIngest, shape: str, json_bytes: int) -> int:
    """Send as many errors as one list may hold; return how many the queue got."""
    status, answer, _headers = ingest.send_errors(build_errors(shape, 100, json_bytes))
    assert (status, answer["accepted"]) == (202, 100), shape
    return 100


def send_records(ingest: FloodedIngest, shape: str, json_bytes: int) -> int:
    """Send as many errors as one request of OTLP may hold; return how many the queue got."""
    headers = {"x-sentry-auth": f"Sentry sentry_key={KEY}", "content-type": "application/json"}
    body = as_json(build_log_records(shape, MAX_ERRORS, json_bytes))
    assert ingest.post("envelope", body, headers, proxy="otlp/v1/logs")[:2] == (200, {}), shape
    return MAX_ERRORS


def assert_ceiling_of_many(
    ingest: FloodedIngest, send: Callable[[FloodedIngest, str, int], int], shape: str, json_bytes: int, table: list[str]
) -> None:
    """Send many costly errors in one request: all are kept, each whole or marked, within the ceiling."""
    started = time.process_time()
    count = send(ingest, shape, json_bytes)
    took = time.process_time() - started
    events = [message["event"] for message in ingest.sent if message["kind"] == "error"]
    assert len(events) == count, shape
    cut = [event for event in events if "cpu_limit" in event["trimmed"]]
    table.append(f"{took:>8.3f}{'':>9}{'':>7}  {shape}, {count} errors at {json_bytes} bytes, {len(cut)} cut")
    assert took < CEILING_S, f"{shape}: {took:.2f} s for {count} errors"
    assert all(message["summary"]["fingerprint"] for message in ingest.sent if message["kind"] == "error"), shape
    assert all(event["message"] and event["event_id"] for event in cut), shape
    ingest.sent.clear()


@pytest.mark.parametrize("shape", ["turns", "form data without a part", "braces"])
def test_many_costly_errors_share_one_ceiling(ingest: FloodedIngest, shape: str, table: list[str]) -> None:
    assert_ceiling_of_many(ingest, send_errors, shape, MIB, table)
    assert_ceiling_of_many(ingest, send_records, shape, 4 * MIB, table)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("shape", SHAPES)
def test_many_errors_of_every_shape_share_one_ceiling(ingest: FloodedIngest, shape: str, table: list[str]) -> None:
    for json_bytes in (MIB, 4 * MIB):
        assert_ceiling_of_many(ingest, send_errors, shape, json_bytes, table)
        assert_ceiling_of_many(ingest, send_records, shape, json_bytes, table)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("place", PLACES)
def test_every_shape_in_every_place_has_a_ceiling(ingest: FloodedIngest, place: str, table: list[str]) -> None:
    for shape in SHAPES:
        assert_ceiling(ingest, shape, place, table)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("shape", SHAPES)
def test_megabytes_grow_without_any_limit(shape: str, table: list[str]) -> None:
    # Only code that sees texts of any length: the scrubber of texts, the JSON parser, the stack parser.
    small, large = SHAPES[shape](MIB), SHAPES[shape](2 * MIB)
    for name, work in (
        ("scrub", lambda text: scrub_text._scrub(text, False)),
        ("nesting", _flatten),
        ("JSON", lambda text: load_json(text.encode("utf-8", "surrogatepass"))),
        ("stack", lambda text: parse_frames(text)),
    ):
        assert_growth(f"{shape}, {name}", lambda: work(small), lambda: work(large), table)  # noqa: B023 - called at once


def load_json(payload: bytes) -> None:
    try:
        load_hostile(payload)
    except ValueError:
        return

"""Measures what the tracker costs its host: a function without failures, one that fails, and a queue that hangs."""

import os
import socket
import time
from collections.abc import Callable

from callwatch import sqs
from callwatch.client.capture import ErrorTracker
from callwatch.settings import reset_settings
from callwatch.tracker import ErrorSeverity

CALLS = 20_000
ERRORS = 500
ROUNDS = 7
HANDLER_US = 1_000


def main() -> None:
    """Print the cost of a watched function against a bare one, of a capture, and of a queue that does not answer."""
    tracker = ErrorTracker()
    watched = tracker.watch(work)
    # Interleaved, and the fastest of each: other load on the machine affects both.
    pairs = [(measure_call_us(work), measure_call_us(watched)) for _ in range(ROUNDS)]
    added = min(watched_us for _bare, watched_us in pairs) - min(bare_us for bare_us, _watched in pairs)
    times = 1 + added / HANDLER_US
    print(f"the decorator, nothing failed         {added:>9.2f} us   {times:.5f} times a handler of 1 ms; nothing is sent")
    assert tracker.buffer_size == 0
    started = time.perf_counter()
    for number in range(ERRORS):
        capture(tracker, number)
    print(f"  one error captured                  {(time.perf_counter() - started) / ERRORS * 1e6:>9.1f} us   (not yet sent)")
    print(f"  twenty critical ones, queue hangs   {measure_hanging_s():>9.2f} s    in all, then nothing waits for 5 s")


def work() -> int:
    """Do nothing, so that only the cost of the call remains."""
    return 1


def measure_call_us(fn: Callable[[], int]) -> float:
    """Return the microseconds per call."""
    started = time.perf_counter()
    for _ in range(CALLS):
        fn()
    return (time.perf_counter() - started) / CALLS * 1e6


def capture(tracker: ErrorTracker, number: int) -> None:
    """Raise and capture one exception; drop the buffer before it would be sent."""
    if tracker.buffer_size >= 40:
        tracker._buffer._held.clear()
    try:
        raise ValueError(f"call {number} is not valid")
    except ValueError as error:
        tracker.track_error(error, ErrorSeverity.MEDIUM, context={"endpoint": "GET /calls", "call": number})


def measure_hanging_s() -> float:
    """Return the seconds for twenty critical errors when the queue accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        os.environ |= {"CRITICAL_QUEUE_URL": f"{address}/0/critical", "AWS_ENDPOINT_URL_SQS": address}
        os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
        reset_settings()
        sqs.prepare_to_send(f"{address}/0/critical")
        tracker = ErrorTracker()
        started = time.perf_counter()
        for _ in range(20):
            tracker.track_error("disk gone", ErrorSeverity.CRITICAL)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()

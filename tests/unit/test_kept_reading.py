"""A shared reading: fresh, stale while it is refreshed, expired, and never one distorted by a freeze."""

import threading
import time

import pytest

from callwatch.reports.kept_reading import FRESH_S, MAX_AGE_S, KeptReading

KEY = object()


class Source:
    """Counts its readings; while `gate` is cleared a reading waits."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def read(self) -> int:
        with self._lock:
            self.count += 1
            number = self.count
        self.gate.wait(10)
        return number


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(clock: Clock) -> KeptReading[int]:
    return KeptReading(clock)


def test_a_fresh_reading_is_shared(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    assert [kept.get(source.read, KEY) for _ in range(100)] == [1] * 100
    clock.now += FRESH_S
    assert kept.get(source.read, KEY) == 1


def test_a_quick_new_reading_replaces_a_stale_one(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    kept.get(source.read, KEY)
    clock.now += FRESH_S + 1
    assert kept.get(source.read, KEY) == 2


def test_a_slow_new_reading_leaves_the_stale_one(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    kept.get(source.read, KEY)
    clock.now += FRESH_S + 1
    source.gate.clear()
    started = time.monotonic()
    assert [kept.get(source.read, KEY) for _ in range(3)] == [1, 1, 1]
    assert time.monotonic() - started < 9
    assert source.count == 2, "one reading at a time"
    source.gate.set()
    deadline = time.monotonic() + 5
    while kept.get(source.read, KEY) != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept.get(source.read, KEY) == 2


def test_an_expired_reading_is_not_shown(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    kept.get(source.read, KEY)
    clock.now += MAX_AGE_S + 0.1
    assert kept.get(source.read, KEY) == 2


def test_a_clock_that_was_set_back_expires_it(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    kept.get(source.read, KEY)
    clock.now -= 3600
    assert kept.get(source.read, KEY) == 2


def test_another_configuration_reads_anew(kept: KeptReading[int], source: Source) -> None:
    assert [kept.get(source.read, key) for key in (KEY, object())] == [1, 2]


def test_many_first_callers_make_one_reading(kept: KeptReading[int], source: Source) -> None:
    source.gate.clear()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(kept.get(source.read, KEY))) for _ in range(30)]
    for thread in threads:
        thread.start()
    source.gate.set()
    for thread in threads:
        thread.join(10)
    assert found == [1] * 30


def test_a_reading_that_spans_invocations_is_discarded(kept: KeptReading[int], source: Source, clock: Clock) -> None:
    kept.get(source.read, KEY, 1)
    clock.now += FRESH_S + 1
    source.gate.clear()
    assert kept.get(source.read, KEY, 2) == 1
    # The next invocation begins while the reading of this one is running, or frozen.
    assert kept.get(source.read, KEY, 3) == 1
    source.gate.set()
    deadline = time.monotonic() + 5
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept.get(source.read, KEY, 3) == 3, "the second reading was thrown away"


def test_a_reading_that_fails_leaves_the_stale_one(
    kept: KeptReading[int], source: Source, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kept.get(source.read, KEY)
    clock.now += FRESH_S + 1

    def fail() -> int:
        raise RuntimeError

    assert kept.get(fail, KEY) == 1
    assert "background reading failed" in caplog.text
    clock.now += MAX_AGE_S
    with pytest.raises(RuntimeError):
        kept.get(fail, KEY)
    assert kept.get(source.read, KEY) == 2, "a failed reading blocks nobody"

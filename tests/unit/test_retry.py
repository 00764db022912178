"""Retries: which failures, how often, and after which delay."""

import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.db import batch_process, is_retryable, with_deadlock_retry, with_retry
from callwatch.db.core.retry import MAX_DELAY_MS, CommitOutcomeUnknown, compute_backoff_s
from callwatch.exceptions import ConfigurationError, DatabaseUnavailable, PoolExhausted


@pytest.fixture(autouse=True)
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("callwatch.db.core.retry.time.sleep", slept.append)
    return slept


def by_sqlstate(code: str) -> BaseException:
    error: BaseException = psycopg2.errors.lookup(code)()
    # A real one carries its code from the server.
    error.__setstate__({"pgcode": code})
    return error


@pytest.mark.parametrize(
    "code", ["40001", "40P01", "55P03", "57014", "08000", "08003", "08006", "53300", "53400", "57P01", "57P03"]
)
def test_a_passing_sqlstate_is_retryable(code: str) -> None:
    assert is_retryable(by_sqlstate(code))


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_conflict_is_known_by_its_class_too(code: str) -> None:
    failures = [psycopg2.errors.lookup(code)("made by a test"), by_sqlstate(code)]
    assert with_deadlock_retry(lambda: _raise(failures.pop()) if failures else "done") == "done"


def test_a_deadlock_retry_repeats_no_other_failure() -> None:
    for error in (psycopg2.OperationalError("gone"), psycopg2.errors.lookup("23505")("made by a test"), by_sqlstate("55P03")):
        with pytest.raises(type(error)):
            with_deadlock_retry(lambda error=error: _raise(error))  # type: ignore[misc]


def _raise(error: BaseException) -> str:
    raise error


@pytest.mark.parametrize("code", ["23505", "23514", "42P01", "42601", "22P02", "25006", "53100", "28P01"])
def test_a_lasting_sqlstate_is_not_retryable(code: str) -> None:
    assert not is_retryable(by_sqlstate(code))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        DatabaseUnavailable("down"),
        psycopg2.OperationalError("server closed the connection unexpectedly"),
        psycopg2.InterfaceError("connection already closed"),
    ],
)
def test_a_network_error_is_retryable(error: BaseException) -> None:
    assert is_retryable(error)


@pytest.mark.parametrize(
    "error",
    [
        PoolExhausted("full"),
        CommitOutcomeUnknown("lost"),
        psycopg2.InterfaceError("cursor already closed"),
        ConfigurationError("bad"),
        FileNotFoundError(),
        ValueError(),
        KeyError(),
    ],
)
def test_what_trying_again_cannot_mend_is_not_retryable(error: BaseException) -> None:
    assert not is_retryable(error)


def test_network_errors_are_known_without_their_libraries() -> None:
    script = (
        "import sys; from callwatch.db import is_retryable; assert 'requests' not in sys.modules;"
        "import requests, urllib3, botocore.exceptions as b, socket;"
        "errors = [requests.ConnectionError(), requests.ReadTimeout(), socket.gaierror(),"
        " urllib3.exceptions.ProtocolError(), urllib3.exceptions.ReadTimeoutError(None, '', ''),"
        " b.EndpointConnectionError(endpoint_url='x')];"
        "assert all(map(is_retryable, errors)), errors;"
        "assert not is_retryable(requests.exceptions.InvalidURL())"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})


class Failing:
    """Fails the first `times` calls, and counts all of them."""

    def __init__(self, error: BaseException, times: int = 1000) -> None:
        self.error = error
        self.times = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


def test_the_first_success_ends_it() -> None:
    fn = Failing(ConnectionError(), times=2)
    assert with_retry(fn) == "done"
    assert fn.calls == 3


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_there_are_so_many_retries_and_no_more(max_retries: int, delays: list[float]) -> None:
    fn = Failing(ConnectionError("again"))
    with pytest.raises(ConnectionError, match="again"):
        with_retry(fn, max_retries=max_retries)
    assert fn.calls == max_retries + 1
    assert len(delays) == max_retries


def test_no_try_begins_when_it_took_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.core.retry.GIVE_UP_AFTER_S", 0.0)
    fn = Failing(ConnectionError("again"))
    with pytest.raises(ConnectionError):
        with_retry(fn)
    assert fn.calls == 1


def test_the_deadlock_retry_leaves_other_failures_alone() -> None:
    fn = Failing(ConnectionError("not a deadlock"))
    with pytest.raises(ConnectionError):
        with_deadlock_retry(fn)
    assert fn.calls == 1


def test_the_deadlock_retry_comes_again_after_a_deadlock() -> None:
    fn = Failing(by_sqlstate("40P01"), times=3)
    assert with_deadlock_retry(fn) == "done"


def test_an_interrupt_is_never_retried() -> None:
    fn = Failing(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        with_retry(fn, retry_on=lambda _error: True)
    assert fn.calls == 1


@given(
    attempt=st.integers(0, 100),
    initial_ms=st.floats(0, 1e6, allow_nan=False),
    drawn=st.floats(0, 1, exclude_max=True),
)
def test_a_delay_lies_between_nothing_and_its_doubling_ceiling(attempt: int, initial_ms: float, drawn: float) -> None:
    delay_ms = compute_backoff_s(attempt, initial_ms, lambda: drawn) * 1000
    assert 0 <= delay_ms <= min(MAX_DELAY_MS, initial_ms * 2**attempt) * 1.0001


@given(items=st.lists(st.integers(), max_size=50), size=st.integers(1, 20))
def test_batches_hold_every_item_once_and_in_order(items: list[int], size: int) -> None:
    batches = batch_process(items, list, size=size)
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(0 < len(batch) <= size for batch in batches)


def test_an_endless_source_is_drawn_from_as_needed() -> None:
    drawn = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            drawn.append(number)
            yield number
            number += 1

    def fail_at_second(batch: list[int]) -> None:
        if batch[0] >= 3:
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        batch_process(endless(), fail_at_second, size=3)
    assert len(drawn) == 6


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        batch_process([1], len, size=0)

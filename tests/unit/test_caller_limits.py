"""Limits per caller: strangers use up nothing that signed-in people need, and memory stays bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.runtime import caller_limits
from callwatch.runtime.caller_limits import LIMITS, STRANGERS, Caller, CallerLimits, Limit, TokenBucket, read_network
from callwatch.settings import load_settings
from functions.authorize import describe_caller

ADMIN, VIEWER, KEY = "a" * 24, "v" * 24, "0123456789abcdef" * 2
SETTINGS = load_settings({"ADMIN_SECRET": f"ana:{ADMIN}", "VIEWER_SECRET": f"tv:{VIEWER}", "INGEST_KEYS": f"7:{KEY}"})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> CallerLimits:
    return CallerLimits(clock=clock)


def call(limits: CallerLimits, token: str | None, address: str = "192.0.2.1") -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return describe_caller({"headers": headers, "requestContext": {"http": {"sourceIp": address}}}, SETTINGS, limits)


@pytest.mark.parametrize("flood", [None, "a-wrong-token"])
@pytest.mark.parametrize("addresses", [1, 5_000])
def test_flood_of_strangers_costs_known_callers_nothing(limits: CallerLimits, flood: str | None, addresses: int) -> None:
    for number in range(20_000):
        number %= addresses
        call(limits, flood, f"198.51.{number // 256}.{number % 256}")
    for token, role in ((ADMIN, "admin"), (VIEWER, "viewer"), (KEY, "ingest")):
        answers = [call(limits, token, "198.51.0.1") for _ in range(200)]
        assert {answer["role"] for answer in answers} == {role}
        assert not any("retry_after_s" in answer for answer in answers)


def test_stranger_is_limited_by_its_address_alone(limits: CallerLimits, clock: Clock) -> None:
    burst = int(LIMITS["anonymous"].burst)
    answers = [call(limits, None) for _ in range(burst + 1)]
    assert ["retry_after_s" in answer for answer in answers] == [False] * burst + [True]
    assert "retry_after_s" not in call(limits, None, "192.0.2.2")
    clock.now += answers[-1]["retry_after_s"]
    assert "retry_after_s" not in call(limits, None)


def test_failed_sign_ins_are_slower_and_said_so(limits: CallerLimits, clock: Clock) -> None:
    burst = int(LIMITS["failed"].burst)
    answers = [call(limits, "guess") for _ in range(burst + 1)]
    assert all(answer["sign_in"] == "failed" and answer["role"] == "none" for answer in answers)
    assert "retry_after_s" in answers[-1]
    clock.now += 10
    passed = sum("retry_after_s" not in call(limits, "guess") for _ in range(1000))
    assert passed == 10 * LIMITS["failed"].rate
    # Guesses from somebody's address lock nobody out.
    assert call(limits, ADMIN) == {"role": "admin", "actor": "ana"}


def test_all_strangers_together_are_limited(limits: CallerLimits) -> None:
    passed = sum("retry_after_s" not in call(limits, None, f"10.0.{n // 256}.{n % 256}") for n in range(5_000))
    assert passed == STRANGERS.burst


def test_token_that_runs_wild_is_limited_by_itself(limits: CallerLimits) -> None:
    answers = [call(limits, VIEWER) for _ in range(int(LIMITS["viewer"].burst) + 1)]
    assert answers[-1]["retry_after_s"] >= 1
    assert "retry_after_s" not in call(limits, ADMIN)


def test_memory_stays_bounded(limits: CallerLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_limits, "MAX_CALLERS", 100)
    for number in range(1_000):
        call(limits, None, f"10.0.{number // 256}.{number % 256}")
    assert len(limits._buckets) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("x" * 10_000, "unknown"),
        ("1.2.3", "unknown"),
    ],
)
def test_address_counts_by_its_network(address: str, network: str) -> None:
    assert read_network(address) == network


@given(st.lists(st.floats(-10, 100), max_size=50))
def test_bucket_never_gives_more_than_its_limit(steps: list[float]) -> None:
    limit = Limit(5, 10)
    bucket, now, passed, elapsed = TokenBucket(limit, 0.0), 0.0, 0, 0.0
    for step in steps:
        elapsed += max(0.0, step)
        now += step
        waits_s = bucket.take(now)
        passed += waits_s == 0
        assert 0 <= waits_s <= 1 / limit.rate
    assert passed <= limit.burst + limit.rate * elapsed


def test_every_role_has_a_limit() -> None:
    callers: tuple[Caller, ...] = ("anonymous", "failed", "viewer", "admin", "ingest", "upload")
    assert set(LIMITS) == set(callers)
    assert LIMITS["anonymous"].rate < LIMITS["viewer"].rate

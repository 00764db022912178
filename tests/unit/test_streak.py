"""From probes to a status: what failures and successes in a row make of a service."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callwatch.checks.streak import FAILURES_TO_UNHEALTHY, SUCCESSES_TO_HEALTHY, next_state
from callwatch.checks.verdict import Verdict, not_configured

GOOD = Verdict("healthy", None, 12.0)
BAD = [Verdict("degraded", reason, None) for reason in ("error", "timeout", "unreachable")]
OURS = [Verdict("unhealthy", "auth", 5.0), Verdict("unhealthy", "quota", 5.0)]
SLOWER = Verdict("degraded", "rate_limited", 5.0)
PROBES = st.lists(st.sampled_from([GOOD, GOOD, *BAD, *OURS, SLOWER, not_configured()]), max_size=30)


def run(*verdicts: Verdict) -> dict[str, Any] | None:
    state = None
    for verdict in verdicts:
        state = next_state(state, verdict)
    return state


def status(*verdicts: Verdict) -> str:
    found = run(*verdicts)
    return "" if found is None else found["status"]


def test_a_service_is_down_after_three_failures_in_a_row_and_up_after_two_successes() -> None:
    bad = BAD[0]
    assert [status(*[bad] * n) for n in (1, 2, 3, 4)] == ["degraded", "degraded", "unhealthy", "unhealthy"]
    assert status(bad, bad, GOOD, bad, bad) == "degraded"
    assert [status(bad, bad, bad, *[GOOD] * n) for n in (1, 2)] == ["unhealthy", "healthy"]
    assert status(bad, bad, bad, GOOD, bad, GOOD) == "unhealthy"


def test_a_single_success_ends_what_was_no_outage_yet() -> None:
    assert status(BAD[0], GOOD) == "healthy"
    assert status(GOOD) == "healthy"


def test_what_is_ours_to_mend_counts_at_once() -> None:
    for verdict in OURS:
        assert status(GOOD, GOOD, verdict) == "unhealthy"
        assert status(verdict, GOOD) == "unhealthy"
        assert status(verdict, GOOD, GOOD) == "healthy"


def test_being_told_to_slow_down_is_no_outage_however_often_it_is_said() -> None:
    assert status(*[SLOWER] * 10) == "degraded"
    assert status(SLOWER, SLOWER, BAD[0]) == "degraded"
    assert status(BAD[0], SLOWER, BAD[0], SLOWER, BAD[0]) == "unhealthy"


def test_a_service_whose_key_is_taken_away_is_unknown_and_begins_anew() -> None:
    assert run(BAD[0], BAD[0], BAD[0], not_configured()) == {
        "status": "unknown", "reason": "not_configured", "failures": 0, "successes": 0,
    }  # fmt: skip
    assert status(BAD[0], BAD[0], not_configured(), BAD[0]) == "degraded"


@given(PROBES)
def test_a_status_always_follows_from_the_last_probes(probes: list[Verdict]) -> None:
    state: dict[str, Any] | None = None
    for number, verdict in enumerate(probes):
        before, state = state, next_state(state, verdict)
        last = probes[max(0, number - 2) : number + 1]
        if verdict.status == "unknown":
            assert state["status"] == "unknown"
        elif verdict.status == "healthy":
            assert state["failures"] == 0 or state["status"] == "unhealthy"
            if last[-SUCCESSES_TO_HEALTHY:] == [GOOD] * SUCCESSES_TO_HEALTHY:
                assert state["status"] == "healthy"
            if before and before["status"] == "unhealthy" and before["successes"] == 0:
                assert state["status"] == "unhealthy"
        else:
            assert state["status"] in ("degraded", "unhealthy")
            assert state["reason"] == verdict.reason
            assert state["successes"] == 0
            if len(last) == FAILURES_TO_UNHEALTHY and all(probe in BAD for probe in last):
                assert state["status"] == "unhealthy"
            if verdict in OURS:
                assert state["status"] == "unhealthy"
            if verdict == SLOWER:
                assert state["status"] == "degraded"


@given(PROBES)
def test_the_reason_is_there_exactly_while_a_service_is_not_healthy(probes: list[Verdict]) -> None:
    state = run(*probes)
    if state is not None:
        assert (state["reason"] is None) == (state["status"] == "healthy")

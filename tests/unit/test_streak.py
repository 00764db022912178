"""The status machine: how consecutive failures and successes of probes change a service's status."""

from hypothesis import given
from hypothesis import strategies as st

from callwatch.checks.probe_result import ProbeResult, report_not_configured
from callwatch.checks.status_machine import FAILURES_TO_UNHEALTHY, SUCCESSES_TO_HEALTHY, State, advance_state

GOOD = ProbeResult("healthy", None, 12.0)
BAD = [ProbeResult("degraded", reason, None) for reason in ("error", "timeout", "unreachable", "tls")]
OURS = [ProbeResult("unhealthy", "auth", 5.0), ProbeResult("unhealthy", "quota", 5.0)]
SLOWER = ProbeResult("degraded", "rate_limited", 5.0)
PROBES = st.lists(st.sampled_from([GOOD, GOOD, *BAD, *OURS, SLOWER, report_not_configured()]), max_size=30)


def run(*verdicts: ProbeResult) -> State | None:
    state = None
    for verdict in verdicts:
        state = advance_state(state, verdict)
    return state


def status(*verdicts: ProbeResult) -> str:
    found = run(*verdicts)
    return "" if found is None else found["status"]


def test_service_is_down_after_3_failures_up_after_2() -> None:
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


def test_rate_limiting_is_never_an_outage() -> None:
    assert status(*[SLOWER] * 10) == "degraded"
    assert status(SLOWER, SLOWER, BAD[0]) == "degraded"
    assert status(BAD[0], SLOWER, BAD[0], SLOWER, BAD[0]) == "unhealthy"


def test_service_without_its_key_is_unknown_and_restarts() -> None:
    assert run(BAD[0], BAD[0], BAD[0], report_not_configured()) == {
        "status": "unknown", "reason": "not_configured", "failures": 0, "successes": 0,
    }  # fmt: skip
    assert status(BAD[0], BAD[0], report_not_configured(), BAD[0]) == "degraded"


@given(PROBES)
def test_a_status_always_follows_from_the_last_probes(probes: list[ProbeResult]) -> None:
    state: State | None = None
    for number, verdict in enumerate(probes):
        before, state = state, advance_state(state, verdict)
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
def test_reason_exists_exactly_while_unhealthy(probes: list[ProbeResult]) -> None:
    state = run(*probes)
    if state is not None:
        assert (state["reason"] is None) == (state["status"] == "healthy")

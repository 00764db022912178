"""Many external services failing at once are one alert about our own network."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.rules.builtin import RULES
from callwatch.checks.network import measure_network
from callwatch.checks.record import check_samples
from callwatch.models.check import CheckResult

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("deepgram", "openai", "convoso")


def check(service: str, status: Any, reason: Any, at: datetime = NOW) -> CheckResult:
    return CheckResult(service, status, 10.0, reason, at)


def ratio(*reasons: Any) -> float | None:
    results = [check(f"s{n}", "degraded" if reason else "healthy", reason) for n, reason in enumerate(reasons)]
    return measure_network([check("database", "unhealthy", "unreachable"), *results])[0].value


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["timeout", "unreachable", "timeout"], 1.0),
        (["timeout", None, None], 1 / 3),
        (["auth", "quota", "error"], 0.0),
        (["timeout", "not_configured", "not_configured"], 0.0),
        (["timeout", "unreachable", "not_configured"], 1.0),
        ([], 0.0),
    ],
)
def test_only_services_without_an_answer_count(reasons: list[Any], expected: float) -> None:
    assert ratio(*reasons) == pytest.approx(expected)


def play(cycles: Sequence[Sequence[CheckResult]]) -> list[tuple[int, str, str]]:
    """Return cycle, kind and rule of each notification."""
    known: dict[str, Instance] = {}
    sent: list[tuple[int, str, str]] = []
    for number, results in enumerate(cycles):
        samples = [*check_samples(list(results)), *measure_network(results)]
        outcome = evaluate(RULES, samples, known, NOW + number * timedelta(minutes=1))
        known = outcome.instances
        for planned in outcome.planned:
            # One message of a thread may tell that one alert is over and another goes on.
            kinds = {key: "resolved" if key in planned.over else planned.kind for key in planned.keys}
            sent += [(number, kind, outcome.instances[key].rule_id) for key, kind in kinds.items()]
    return sent


def test_all_services_at_once_are_one_alert_and_one_end() -> None:
    statuses = ["degraded", "degraded", *["unhealthy"] * 10]
    down = [[check(name, status, "timeout") for name in NAMES] for status in statuses]
    up = [[check(name, "healthy", None) for name in NAMES]] * 3
    assert play([*down, *up]) == [(1, "firing", "own_network"), (12, "resolved", "own_network")]


def test_one_service_alone_is_its_own_alert() -> None:
    cycle = [check("openai", "unhealthy", "timeout"), check("deepgram", "healthy", None), check("convoso", "healthy", None)]
    assert play([cycle] * 4) == [(0, "firing", "service_down")]


def test_a_service_still_down_after_the_network_is_notified() -> None:
    statuses = ["degraded", "degraded", "unhealthy", "unhealthy"]
    down = [[check(name, status, "timeout") for name in NAMES] for status in statuses]
    back = [[check("openai", "unhealthy", "timeout"), *(check(name, "healthy", None) for name in ("deepgram", "convoso"))]] * 2
    sent = play([*down, *back])
    assert (4, "resolved", "own_network") in sent
    assert (4, "firing", "service_down") in sent

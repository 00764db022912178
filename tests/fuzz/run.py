"""Runs a target under hypothesis for a number of examples, and keeps the input on which it failed."""

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.targets import Target

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example)


@dataclass(slots=True)
class Crash:
    """The smallest input that was found to fail, and how it fails."""

    given: Any
    error: BaseException


def fuzz(target: Target, max_examples: int, is_repeatable: bool) -> Crash | None:
    """Try so many inputs; None where everything held.

    is_repeatable: the same inputs each time, for the tests; others each time, for a long search.
    """
    last: list[Any] = [None]

    @settings(
        max_examples=max_examples,
        derandomize=is_repeatable,
        database=None,
        deadline=None,
        suppress_health_check=_CHECKS,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @given(target.inputs)
    def check(given: Any) -> None:
        last[0] = given
        target.check(given)

    try:
        check()
    except Exception as error:
        # Hypothesis tries the smallest failing input last.
        return Crash(last[0], error)
    return None

"""Every reader of foreign input holds for generated inputs; `make fuzz` looks for longer."""

import pytest
from hypothesis import strategies as st

from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS, Target

_EXAMPLES = 40


@pytest.mark.parametrize("name", TARGETS)
def test_reader_holds_for_generated_inputs(name: str) -> None:
    crash = fuzz(TARGETS[name], _EXAMPLES, is_repeatable=True)
    assert crash is None, f"input: {crash.given!r}"


def test_crash_comes_with_its_smallest_input() -> None:
    def refuse_large(number: int) -> None:
        assert number < 10

    crash = fuzz(Target(st.integers(0, 10_000), refuse_large), 200, is_repeatable=True)
    assert crash is not None
    assert crash.given == 10
    assert isinstance(crash.error, AssertionError)

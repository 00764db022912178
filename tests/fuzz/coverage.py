"""`python -m tests.fuzz.coverage TARGET`: one target under atheris, which follows the coverage of the code."""

import sys
from typing import Any

import atheris
from hypothesis import given

with atheris.instrument_imports(include=["callwatch", "local", "functions"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer's own arguments end it; a failing input is printed before the traceback."""
    target = TARGETS[sys.argv[1]]

    def check(given: Any) -> None:
        try:
            target.check(given)
        except BaseException:
            print(f"input: {given!r}", flush=True)
            raise

    test: Any = given(given=target.inputs)(check)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], test.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

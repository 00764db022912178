"""Failed sign-ins are counted, and reported once a minute without addresses."""

from typing import Any

import pytest

from callwatch.runtime.sign_ins import FailedSignIns, IssuerUnavailable
from callwatch.tracker import ErrorSeverity, error_tracker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(error_tracker, "track_error", lambda *given: found.append(given))
    return found


def test_flood_is_one_report_a_minute(reports: list[tuple[Any, ...]]) -> None:
    clock = Clock()
    sign_ins = FailedSignIns(clock)
    for second in range(150):
        clock.now = float(second)
        for number in range(40):
            sign_ins.add(f"192.0.2.{number}")
    contexts = [report[3] for report in reports]
    assert contexts == [
        {"failed_sign_ins": 1, "addresses": 1},
        {"failed_sign_ins": 60 * 40, "addresses": 40},
        {"failed_sign_ins": 60 * 40, "addresses": 40},
    ]
    assert "192.0.2" not in repr(reports)


def test_addresses_are_bounded(reports: list[tuple[Any, ...]]) -> None:
    clock = Clock()
    sign_ins = FailedSignIns(clock)
    sign_ins.add("first")
    for number in range(3_000):
        sign_ins.add(str(number))
    clock.now = 61.0
    sign_ins.add("last")
    assert reports[-1][3] == {"failed_sign_ins": 3_001, "addresses": 1_000}


def test_issuer_that_is_down_is_a_report_of_its_own(reports: list[tuple[Any, ...]]) -> None:
    error = IssuerUnavailable("the keys cannot be read")
    failures = FailedSignIns(Clock(), error, ErrorSeverity.HIGH)
    for number in range(50):
        failures.add(f"10.0.0.{number}")
    ((given, severity, *_rest),) = reports
    assert (given, severity) == (error, ErrorSeverity.HIGH)

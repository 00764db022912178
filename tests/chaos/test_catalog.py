"""The quickest faults, played in full; and the catalog itself, its rows and its document."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.arena import Arena, run_plain_arena
from tests.chaos.catalog import ARENAS, FAULTS, NEEDS, explain_absence
from tests.chaos.fault import Fault, Row
from tests.chaos.play import find_unhealthy, judge, play
from tests.chaos.report import BEGIN, DOCUMENT, END, RESULTS, read_results, render_table

QUICK = [fault for fault in FAULTS if fault.is_quick]


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with run_plain_arena() as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name)
def test_quick_fault_costs_nothing(arena: Arena, fault: Fault) -> None:
    if why := explain_absence(fault):
        pytest.skip(why)
    row = play(fault, arena)
    print(row)
    assert row.problems == []
    assert row.accepted > 0
    assert row.delivered == row.due > 0


def test_every_fault_has_its_own_name_and_a_place() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 25
    for fault in FAULTS:
        assert fault.setup in ARENAS
        assert set(fault.needs) <= set(NEEDS)
        assert fault.injection
        assert fault.must_hold


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"lost": 1}, "1 accepted errors are lost, 0 were reported as destroyed"),
        ({"doubled": 2}, "2 errors count twice"),
        ({"delivered": 3}, "1 notifications did not arrive"),
        ({"accepted": 0}, "nothing was accepted"),
        ({"accepted_during": 0}, "nothing was accepted during the fault"),
    ],
)
def test_every_cost_is_a_problem(changed: dict[str, int], problem: str) -> None:
    fault = Fault("x", "x", "x", lambda _arena: contextlib.nullcontext(), is_accepting=True)
    good = {"sent": 9, "accepted": 9, "accepted_during": 5, "stored": 9, "due": 4, "delivered": 4}
    nowhere = cast("Arena", None)
    assert judge(fault, nowhere, build_row(good)) == []
    assert judge(fault, nowhere, build_row(good | changed)) == [problem]


def build_answer(status: int, health: str, whole: str, database: str) -> Arena:
    """An arena whose health and status answer so."""
    answers: dict[str, Any] = {
        "/api/health": (status, {"services": {"database": {"status": health}, "openai": {"status": "healthy"}}}, {}),
        "/api/status": (200, {"status": whole, "services": {"database": {"status": database}}}, {}),
    }
    return cast("Arena", SimpleNamespace(system=SimpleNamespace(call=lambda _method, path: answers[path])))


def test_health_counts_as_seen_with_200_and_503() -> None:
    both = {("health", "database"), ("status", "database")}
    for status in (200, 503):
        assert find_unhealthy(build_answer(status, "unhealthy", "outage", "down")) == both
    assert find_unhealthy(build_answer(200, "healthy", "operational", "operational")) == set()
    assert find_unhealthy(build_answer(200, "healthy", "outage", "operational")) == set()
    assert find_unhealthy(build_answer(500, "unhealthy", "degraded", "down")) == set()


def build_row(values: dict[str, Any]) -> Row:
    return Row("x", **values)


def test_document_shows_the_kept_results() -> None:
    table = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert table == render_table(read_results(RESULTS))
    assert all(f"| {fault.name} |" in table for fault in FAULTS)

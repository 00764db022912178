"""Private values in unusual places, sent through the ingest functions: no message contains one in any spelling."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.ingest_functions import Ingest
from tests.support.value_spellings import find_value

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def read_cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / f"scrub_{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Ingest:
    return Ingest(monkeypatch)


@pytest.mark.parametrize("case", [*read_cases("plants"), *read_cases("neighbors")], ids=lambda case: case["kind"])
def test_no_plant_reaches_the_queue(case: dict[str, Any], ingest: Ingest) -> None:
    message = ingest.send_envelope(case["envelope"])
    for value in case["private"]:
        assert find_value(value, message) is None, json.loads(message)["event"]


@pytest.mark.parametrize("case", read_cases("reports"), ids=lambda case: case["kind"])
def test_public_bug_reports_are_scrubbed_as_expected(case: dict[str, Any], ingest: Ingest) -> None:
    sent = [
        ingest.send_envelope(step["envelope"]) if "envelope" in step else ingest.send_errors(step["errors"])
        for step in case["steps"]
    ]
    text = "\n".join(sent)
    assert [value for value in case["absent"] if find_value(value, text)] == []
    assert [value for value in case["present"] if value not in text] == []


@pytest.mark.parametrize("case", read_cases("kept"), ids=lambda case: case["kind"])
def test_harmless_values_reach_the_queue(case: dict[str, Any], ingest: Ingest) -> None:
    message = ingest.send_envelope(case["envelope"])
    assert [value for value in case["kept"] if value not in message] == [], json.loads(message)["event"]

"""Strict mode: types, frames, codes and listed context keys are kept, nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import ConfigurationError
from callwatch.scrubbing.strict import reduce_event
from callwatch.settings import load_settings
from tests.support.ingest_functions import KEY, Ingest
from tests.unit.test_scrub_plants import read_cases

OTHER_KEY = "1e" * 16
WORD = "Quillfeatherton"
EVENT: dict[str, Any] = {
    "message": f"could not store {WORD}: SQLSTATE 23505, ECONNRESET, insufficient_quota",
    "transaction": f"POST /calls/{WORD}",
    "server_name": WORD,
    "tags": {"queue": "transcription", "who": WORD},
    "extra": {"status_code": 429, "note": WORD, "provider": "openai", "model": WORD},
    "contexts": {"runtime": {"name": "CPython", "version": "3.13.1"}, "trace": {"trace_id": "ab" * 16}},
    "breadcrumbs": [{"message": WORD}],
    "request": {"url": f"https://x/{WORD}", "data": WORD},
    "fingerprint": [WORD],
    "exception": {
        "values": [
            {
                "type": "UniqueViolation",
                "value": f"Key (who)=({WORD}) exists: SQLSTATE 23505",
                "stacktrace": {
                    "frames": [
                        {"filename": "app/store.py", "function": "save", "lineno": 3, "vars": {"a": WORD}, "context_line": WORD}
                    ]
                },
            }
        ]
    },
}


def test_strict_keeps_types_frames_and_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    message = Ingest(monkeypatch, SCRUB="strict").send_envelope(EVENT)
    event = json.loads(message)["event"]
    assert WORD not in message
    assert (event["type"], event["message"]) == ("UniqueViolation", "UniqueViolation [SQLSTATE 23505]")
    assert event["frames"] == [{"filename": "app/store.py", "function": "save", "lineno": 3}]
    assert event["tags"] == {"queue": "transcription"}
    assert event["context"]["extra"] == {"status_code": 429, "provider": "openai"}
    assert event["context"]["contexts"] == {"runtime": {"version": "3.13.1"}, "trace": {"trace_id": "ab" * 16}}
    assert event["endpoint"] == "POST /calls/{id}"
    assert (event["breadcrumbs"], event["request"], event["service"]) == (None, None, None)
    assert "strict" in event["scrubbed"]


def test_strict_keeps_codes_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    event = json.loads(Ingest(monkeypatch, SCRUB="strict").send_envelope({"message": EVENT["message"]}))["event"]
    assert event["message"] == "Error [SQLSTATE 23505] [ECONNRESET] [insufficient_quota]"


def test_strict_applies_to_its_project_only(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest(monkeypatch, SCRUB="1:strict,2:standard", INGEST_KEYS=f"1:{KEY},2:{OTHER_KEY}")
    assert WORD not in ingest.send_envelope(EVENT)
    assert WORD in ingest.send_envelope(EVENT, OTHER_KEY, project=2)


def test_strict_applies_to_posted_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = f"ValueError: {WORD}\n    at save (/srv/app/store.js:3:7)\n{WORD}\n    at main (/srv/app/index.js:1:1)"
    item = {"message": f"lost {WORD}", "type": "ValueError", "stack": stack, "context": {"attempts": 3, "who": WORD}}
    message = Ingest(monkeypatch, SCRUB="strict").send_errors([item])
    event = json.loads(message)["event"]
    assert WORD not in message
    assert event["stack"].split("\n") == ["    at save (/srv/app/store.js:3:7)", "    at main (/srv/app/index.js:1:1)"]
    assert event["context"] == {"attempts": 3}


@pytest.mark.parametrize("name", ["plants", "neighbors"])
def test_strict_keeps_no_planted_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest(monkeypatch, SCRUB="strict")
    for case in read_cases(name):
        message = ingest.send_envelope(case["envelope"])
        assert [value for value in case["private"] if value in message] == [], case["kind"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*EVENT, "stack", "frames", "exceptions", "context", "type", "endpoint"]), JSON))
def test_strict_reads_any_event(event: dict[str, Any]) -> None:
    assert WORD not in json.dumps(reduce_event({**event, "other": WORD}, "key"))


@pytest.mark.parametrize("value", ["Strict", "1:", "strict:1", "1:strict;2:strict", "a:strict"])
def test_an_unknown_mode_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SCRUB must be standard or strict"):
        load_settings({"SCRUB": value})


@pytest.mark.parametrize(("value", "strict"), [("", []), ("strict", [0, 1, 2]), ("1:strict", [1]), ("strict,2:standard", [0, 1])])
def test_modes_are_read_by_project(value: str, strict: list[int]) -> None:
    modes = load_settings({"SCRUB": value}).scrub
    assert [project for project in range(3) if modes.is_strict(project)] == strict

"""Strict mode: types, frames, codes and listed context keys are kept, nothing else."""

import json
import re
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


# One value in one place of an event, and whether strict mode keeps it there.
KEPT: dict[str, list[Any]] = {
    "message": [
        "ECONNRESET",
        "EAI_AGAIN",
        "ERR_SOCKET_TIMEOUT",
        "SQLSTATE[23505]",
        "code: 23505",
        "exited with code 137",
        "HTTP 429",
    ],
    "number": [429, -11, 0.25, 99_999_999],
    "trace": ["ab" * 16, "4111111111111a11", "123e4567-e89b-12d3-a456-426614174000"],
    "line": [12],
    "status": ["in_progress", "FAILED", "gpt-4o", "stage.recording"],
    "stack": [
        "    at save (/srv/app/store.js:3:7)",
        "    at async Promise.all (node:internal/a:1:2)",
        "    at Object.<anonymous> (/a/b.js:1:2)",
        "\tat com.a.B.c(D.java:12)",
        '  File "/a/b c.py", line 3, in save',
        "\tfrom a.rb:3:in `save'",
        "#1 /a/b.php(12): A\\B->login",
        "#2 {main}",
        "#0      main (package:a/b.dart:3:5)",
    ],
    "endpoint": ["GET /api/stages/{id}", "/api/errors"],
}
REMOVED: dict[str, list[Any]] = {
    "message": [
        "EMPHYSEMA",
        "ERR_ELIZABETH_EDWARDS",
        "code = SMITH",
        "zip code: 23505",
        "status 94110",
        "kidney_failure",
        "code 19610412",
    ],
    "number": [4111111111111111.0, 4155550143.5, -123456789, float("inf"), 10**400],
    "trace": ["123-45-6789", "4155550143", "1961-04-12", "4111111111111111", "ab"],
    "line": ["Quillfeather", 4155550143, True, 1.5],
    "status": ["SMITH", "Baker", "grace", "kidney", "Quillfeather"],
    "stack": [
        "  at home my husband has cancer",
        "  at Quillfeather",
        "at noon (said 12:30)",
        "in hospital since May 12:30",
        "from Rosalind:12",
        "#1 kidney failure",
        '  File "my husband has cancer", line 1, in f',
    ],
    "endpoint": ["GET /api/grace", "/leads/kidney", "call Rosalind"],
}


def reduce_place(place: str, value: Any) -> Any:
    """What strict mode keeps of a value in one place of an event."""
    event: dict[str, Any] = {
        "message": {"message": value},
        "number": {"context": {"count": value}},
        "trace": {"context": {"trace_id": value}},
        "line": {"frames": [{"lineno": value}]},
        "status": {"context": {"status": value}},
        "stack": {"stack": value},
        "endpoint": {"endpoint": value},
    }[place]
    reduced = reduce_event(event, "key")
    return {
        "message": reduced["message"].removeprefix("Error").strip(" []") or None,
        "line": (reduced["frames"] or [{}])[0].get("lineno"),
        "stack": reduced["stack"],
        "endpoint": reduced["endpoint"],
    }.get(place, next(iter((reduced["context"] or {}).values()), None))


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, values in KEPT.items() for value in values])
def test_strict_keeps_what_is_known(place: str, value: Any) -> None:
    kept = reduce_place(place, value)
    assert kept is not None
    assert str(kept).rstrip("]") in str(value)
    assert place == "message" or kept == value


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, values in REMOVED.items() for value in values])
def test_strict_removes_what_only_looks_like_it(place: str, value: Any) -> None:
    kept = reduce_place(place, value)
    assert not any(part in str(kept) for part in re.findall(r"[A-Za-z]{4,}|\d{3,}", str(value)) if part != "leads")


def test_arguments_in_a_stack_are_removed() -> None:
    assert reduce_place("stack", "#0 /a/b.php(12): login('Rosalind', '1961')") == "#0 /a/b.php(12): login"
    assert reduce_place("stack", "   at Shop.Cart.Add(String name) in C:\\Rosalind") == "   at Shop.Cart.Add"

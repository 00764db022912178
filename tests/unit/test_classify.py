"""Severity and category: by type and codes first, by words last."""

import json
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from callwatch.grouping.classify import classify, classify_event, classify_words
from callwatch.grouping.levels import LEVELS, is_quiet, rate_severity, read_level
from callwatch.models.error import ErrorCategory as C
from callwatch.models.error import ErrorSeverity as S

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "error_texts.jsonl"


def read_verdict(row: dict[str, Any]) -> tuple[str, str]:
    causes = [{"type": kind, "value": value} for kind, value in row.get("causes", ())]
    last = {"type": row["type"], "value": row["message"], "module": row.get("module")}
    event = {"type": row["type"], "message": row["message"], "context": row.get("context"), "exceptions": [*causes, last]}
    severity, category = classify_event(event)
    return severity.value, category.value


def test_texts_of_drivers_and_vendors_are_classified() -> None:
    rows: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wrong = [
        (row["library"], row["type"], row["message"][:80], read_verdict(row))
        for row in rows
        if read_verdict(row) != (row["severity"], row["category"])
    ]
    print(f"{len(rows)} texts of {len({row['library'] for row in rows})} libraries: {len(rows) - len(wrong)} right")
    assert not wrong
    assert len(rows) >= 80


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("53300", (S.CRITICAL, C.DATABASE)),
        ("57014", (S.HIGH, C.DATABASE)),
        ("57P01", (S.CRITICAL, C.DATABASE)),
        ("40001", (S.MEDIUM, C.DATABASE)),
        ("23502", (S.MEDIUM, C.DATABASE)),
        ("94107", (S.MEDIUM, C.UNKNOWN)),
        ("22101", (S.MEDIUM, C.UNKNOWN)),
    ],
)
def test_sqlstate_counts_wherever_it_stands(code: str, verdict: tuple[S, C]) -> None:
    for context in ({"code": code}, {"extra": {"code": code}}, {"contexts": {"DatabaseError": {"code": code}}}):
        assert classify_event({"type": "Error", "message": "it failed", "context": context}) == verdict


def test_group_of_exceptions_is_classified_by_its_members() -> None:
    assert classify(ExceptionGroup("several", [requests.ConnectionError("x")])) == (S.HIGH, C.INTEGRATION)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("fatal", "fatal"), ("critical", "fatal"), ("CRITICAL", "fatal"), (50, "fatal"), ("50", "fatal"), (60, "fatal"),
        ("error", "error"), (40, "error"), (None, "error"), ("", "error"), ("loud", "error"), ([], "error"), (True, "error"),
        (0, "error"), (-5, "error"), (1_000, "error"), ("9" * 5_000, "error"),
        ("warning", "warning"), ("warn", "warning"), (" Warn ", "warning"), (30, "warning"), (35.0, "warning"),
        ("info", "info"), ("log", "info"), ("notice", "info"), (20, "info"), (25, "info"),
        ("debug", "debug"), ("trace", "debug"), (10, "debug"), (1, "debug"),
    ],
)  # fmt: skip
def test_levels_are_read_as_in_sentrys_protocol(value: Any, level: str) -> None:
    assert read_level(value) == level


def test_warning_is_never_as_severe_as_an_error() -> None:
    ranks = list(S)
    for severity in S:
        by_level = {level: ranks.index(rate_severity(level, severity)) for level in LEVELS}
        assert by_level["warning"] < by_level["error"] or severity is S.LOW
        assert by_level["debug"] == by_level["info"] == 0
        assert by_level["fatal"] == ranks.index(S.CRITICAL)
    assert [is_quiet(level) for level in (*LEVELS, None)] == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "message", "verdict"),
    [
        ("psycopg2.Error", "x", (S.HIGH, C.DATABASE)),
        ("psycopg2.errors.UniqueViolation", "duplicate key value violates unique constraint", (S.MEDIUM, C.DATABASE)),
        ("UndefinedColumn", "column x does not exist", (S.HIGH, C.DATABASE)),
        ("DatabaseError", "x", (S.HIGH, C.DATABASE)),
        ("AxiosError", "x", (S.HIGH, C.INTEGRATION)),
        ("TokenExpiredError", "jwt expired", (S.HIGH, C.AUTHENTICATION)),
        ("TypeError", "Cannot read properties of null", (S.MEDIUM, C.SYSTEM)),
        ("Error", "something", (S.MEDIUM, C.UNKNOWN)),
        ("Error", "connect ECONNREFUSED", (S.HIGH, C.INTEGRATION)),
        (None, "SQLSTATE 42703", (S.HIGH, C.DATABASE)),
        (None, "rate limit reached", (S.HIGH, C.INTEGRATION)),
        (None, "it broke", (S.MEDIUM, C.UNKNOWN)),
    ],
)
def test_an_error_known_by_its_words_is_judged_by_its_type_first(name: str | None, message: str, verdict: tuple[S, C]) -> None:
    assert classify_words(name, message) == verdict


def test_exception_is_classified_by_class_and_causes() -> None:
    wrapped = RuntimeError("could not store")
    wrapped.__cause__ = psycopg2.OperationalError("server closed the connection")
    assert classify(wrapped) == (S.CRITICAL, C.DATABASE)
    assert classify(requests.ConnectionError("x")) == (S.HIGH, C.INTEGRATION)
    answer = requests.Response()
    answer.status_code = 401
    assert classify(requests.HTTPError("x", response=answer)) == (S.HIGH, C.AUTHENTICATION)
    assert classify(json.JSONDecodeError("x", "", 0)) == (S.LOW, C.VALIDATION)

"""Severity and category: by type and codes first, by words last."""

import json

import psycopg2
import pytest
import requests

from callwatch.models.error import ErrorCategory as C
from callwatch.models.error import ErrorSeverity as S
from callwatch.tracker.classify import classify, classify_words


@pytest.mark.parametrize(
    ("name", "message", "verdict"),
    [
        ("psycopg2.Error", "x", (S.HIGH, C.DATABASE)),
        ("psycopg2.errors.UniqueViolation", "duplicate key value violates unique constraint", (S.MEDIUM, C.VALIDATION)),
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


def test_an_exception_is_judged_by_its_class_and_by_what_caused_it() -> None:
    wrapped = RuntimeError("could not store")
    wrapped.__cause__ = psycopg2.OperationalError("server closed the connection")
    assert classify(wrapped) == (S.CRITICAL, C.DATABASE)
    assert classify(requests.ConnectionError("x")) == (S.HIGH, C.INTEGRATION)
    answer = requests.Response()
    answer.status_code = 401
    assert classify(requests.HTTPError("x", response=answer)) == (S.HIGH, C.AUTHENTICATION)
    assert classify(json.JSONDecodeError("x", "", 0)) == (S.LOW, C.VALIDATION)

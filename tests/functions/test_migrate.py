"""The migration function: invoked by hand, and by CloudFormation, which must always get a response."""

import json

import pytest

import functions.migrate as function
from callwatch.db import connection, execute, fetch_one
from callwatch.db.core.migrate import load_migrations
from callwatch.exceptions import ConfigurationError
from tests.support.cloudformation import Callback, callback, request

__all__ = ["callback"]

OWNER_ONLY = "all functions connect as the owner: no other role is configured"
EVERY = [str(migration) for migration in load_migrations()]


def is_migrated() -> bool:
    with connection() as conn:
        row = fetch_one(conn, "SELECT to_regclass('callwatch.monitor_lease') IS NOT NULL AS is_there")
    return bool(row and row["is_there"])


def test_invoked_directly_it_says_what_it_applied(empty_database: str) -> None:
    assert function.lambda_handler({}, None)["ran"] == EVERY
    found = function.lambda_handler({}, None)
    assert (found["ran"], found["has_roles"]) == ([], False)
    assert found["roles"] == OWNER_ONLY


def test_cloudformation_is_answered_at_its_address(empty_database: str, callback: Callback) -> None:
    function.lambda_handler(request(callback), None)
    [(answer, content_type)] = callback.answers
    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "callwatch-Schema",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Schema",
        "Data": {"ran": ",".join(EVERY), "roles": OWNER_ONLY},
    }
    assert content_type == "", "the address is signed for none"
    assert is_migrated()


def test_an_update_keeps_the_resources_id(database: str, callback: Callback) -> None:
    function.lambda_handler(request(callback, "Update", PhysicalResourceId="as-before"), None)
    [(answer, _)] = callback.answers
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "as-before")


def test_a_failed_migration_answers_failed_with_its_reason(database: str, callback: Callback) -> None:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET checksum = 'another' WHERE number = 1")
        conn.commit()
    function.lambda_handler(request(callback, "Update"), None)
    [(answer, _)] = callback.answers
    assert answer["Status"] == "FAILED"
    assert "0001_core was changed after it was applied" in answer["Reason"]


def test_unreachable_database_fails_without_its_password(callback: Callback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://callwatch:my-secret@127.0.0.1:1/none")
    function.lambda_handler(request(callback), None)
    [(answer, _)] = callback.answers
    assert answer["Status"] == "FAILED"
    assert "refused" in answer["Reason"]
    assert "my-secret" not in json.dumps(answer)


def test_a_bad_setting_answers_failed(callback: Callback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://elsewhere")
    function.lambda_handler(request(callback), None)
    [(answer, _)] = callback.answers
    assert answer["Status"] == "FAILED"
    assert "DATABASE_URL must be" in answer["Reason"]


def test_deleting_the_stack_keeps_the_data(database: str, callback: Callback) -> None:
    function.lambda_handler(request(callback, "Delete"), None)
    [(answer, _)] = callback.answers
    assert answer["Status"] == "SUCCESS"
    assert is_migrated()


def test_callback_that_fails_at_first_is_repeated(database: str, callback: Callback) -> None:
    callback.failures = 2
    function.lambda_handler(request(callback), None)
    assert [answer["Status"] for answer, _ in callback.answers] == ["SUCCESS"]


def test_invoked_directly_a_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        function.lambda_handler({}, None)

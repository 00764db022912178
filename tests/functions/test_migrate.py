"""The function that migrates: invoked by hand, and by CloudFormation, which must always get its answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

import functions.migrate as function
from callwatch.db import connection, execute, fetch_one
from callwatch.db.migrate import load_migrations
from callwatch.exceptions import ConfigurationError

EVERY = [str(migration) for migration in load_migrations()]


class Callback:
    """Stands for CloudFormation's signed address: keeps what is put there, after failing `failures` times."""

    def __init__(self) -> None:
        self.answers: list[tuple[dict[str, Any], str]] = []
        self.failures = 0
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if callback.failures:
                    callback.failures -= 1
                    self.send_error(503)
                    return
                callback.answers.append((json.loads(body), self.headers["content-type"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Keep the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/signed?signature=x"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def callback() -> Iterator[Callback]:
    callback = Callback()
    yield callback
    callback.server.shutdown()
    callback.server.server_close()


def request(callback: Callback, request_type: str = "Create", **more: str) -> dict[str, str]:
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Schema"}
    return {"RequestType": request_type, "ResponseURL": callback.url, **ids, **more}


def is_migrated() -> bool:
    with connection() as conn:
        row = fetch_one(conn, "SELECT to_regclass('callwatch.monitor_lease') IS NOT NULL AS is_there")
    return bool(row and row["is_there"])


def test_invoked_directly_it_says_what_it_applied(empty_database: str) -> None:
    assert function.lambda_handler({}, None) == {"ran": EVERY}
    assert function.lambda_handler({}, None) == {"ran": []}


def test_cloudformation_is_answered_at_its_address(empty_database: str, callback: Callback) -> None:
    function.lambda_handler(request(callback), None)
    [(answer, content_type)] = callback.answers
    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "callwatch-schema",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Schema",
        "Data": {"ran": ",".join(EVERY)},
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


def test_an_unreachable_database_answers_failed_without_its_password(callback: Callback, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "DATABASE_URL takes" in answer["Reason"]


def test_deleting_the_stack_keeps_the_data(database: str, callback: Callback) -> None:
    function.lambda_handler(request(callback, "Delete"), None)
    [(answer, _)] = callback.answers
    assert answer["Status"] == "SUCCESS"
    assert is_migrated()


def test_an_address_that_fails_at_first_gets_its_answer_all_the_same(database: str, callback: Callback) -> None:
    callback.failures = 2
    function.lambda_handler(request(callback), None)
    assert [answer["Status"] for answer, _ in callback.answers] == ["SUCCESS"]


def test_invoked_directly_a_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        function.lambda_handler({}, None)

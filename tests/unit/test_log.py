"""The log: one JSON line each, whatever is logged, and nothing private in any."""

import io
import json
import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from callwatch.runtime.log import ScrubbingFormatter


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(written: io.StringIO) -> Logger:
    return Logger(
        service=f"test-{uuid.uuid4().hex}", logger_formatter=ScrubbingFormatter(utc=True), stream=written, level=logging.INFO
    )


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_an_exception_is_one_line_with_its_trace_and_without_what_is_private(logger: Logger, written: io.StringIO) -> None:
    logger.append_keys(request_id="11111111-2222-3333-4444-555555555555")
    try:
        raise ValueError("no row for bob@example.com with Bearer abcdefghijklmnop1234")
    except ValueError:
        logger.exception("request failed", extra={"route": "GET /api/status"})
    (line,) = lines(written)
    assert (line["level"], line["message"], line["route"]) == ("ERROR", "request failed", "GET /api/status")
    assert line["request_id"] == "11111111-2222-3333-4444-555555555555"
    assert line["exception_name"] == "ValueError"
    assert "test_log.py" in json.dumps(line)
    assert "bob@example.com" not in written.getvalue()
    assert "abcdefghijklmnop1234" not in written.getvalue()


@pytest.mark.parametrize(
    "value",
    [datetime(2026, 1, 1, tzinfo=UTC), ValueError("x"), uuid.uuid4(), {"at": datetime.now(UTC)}, (1, {2}), object(), b"\xff"],
)
def test_any_value_can_be_logged(value: Any, logger: Logger, written: io.StringIO) -> None:
    logger.info("cycle", extra={"given": value})
    (line,) = lines(written)
    assert "given" in line


def test_secrets_in_fields_are_scrubbed(logger: Logger, written: io.StringIO) -> None:
    secret = "postgresql://user:hunter2hunter2@host/db"
    logger.info(f"connecting to {secret}", extra={"details": [{"dsn": secret}], "authorization": "Bearer abcdefghijklmnop1234"})
    assert "hunter2" not in written.getvalue()
    assert "abcdefghijklmnop1234" not in written.getvalue()

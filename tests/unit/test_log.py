"""The log: one JSON line per entry, whatever is logged, without private data."""

import io
import json
import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.runtime import log
from callwatch.runtime.log import append_keys, make_logger


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    found = make_logger(f"test-{uuid.uuid4().hex}", written)
    monkeypatch.setattr(log, "logger", found)
    return found


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_exception_is_one_line_without_private_data(logger: logging.Logger, written: io.StringIO) -> None:
    append_keys(request_id="11111111-2222-3333-4444-555555555555")
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
def test_any_value_can_be_logged(value: Any, logger: logging.Logger, written: io.StringIO) -> None:
    logger.info("cycle", extra={"given": value})
    (line,) = lines(written)
    assert "given" in line


def test_secrets_in_fields_are_scrubbed(logger: logging.Logger, written: io.StringIO) -> None:
    secret = "postgresql://user:hunter2hunter2@host/db"
    logger.info(f"connecting to {secret}", extra={"details": [{"dsn": secret}], "authorization": "Bearer abcdefghijklmnop1234"})
    assert "hunter2" not in written.getvalue()
    assert "abcdefghijklmnop1234" not in written.getvalue()


def test_line_holds_what_the_guides_name(logger: logging.Logger, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    logger.getChild("digest").warning("%s messages", 3)
    (line,) = lines(written)
    assert (line["level"], line["message"]) == ("WARNING", "3 messages")
    assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds() < 60
    assert line["location"].startswith("test_line_holds_what_the_guides_name:")


def test_level_is_that_of_the_environment(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "warning")
    quiet = make_logger(f"test-{uuid.uuid4().hex}", written)
    quiet.info("unseen")
    quiet.error("seen")
    assert [line["message"] for line in lines(written)] == ["seen"]


def test_handler_of_the_platform_writes_no_second_line(written: io.StringIO) -> None:
    platform = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(platform)
    try:
        make_logger("test-platform", written).error("once")
        logging.getLogger("another").error("of a library")
    finally:
        logging.getLogger().removeHandler(platform)
    assert platform.stream.getvalue() == "of a library\n"
    assert len(lines(written)) == 1

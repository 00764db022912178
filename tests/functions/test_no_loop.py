"""No function can feed itself: when every function fails on every message, the number of invocations is bounded."""

import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import boto3
import pytest

from callwatch import sqs as queue
from callwatch.client.own_limit import MAX_PER_FINGERPRINT, MAX_PER_PROCESS, OwnErrorLimit
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import ConfigurationError
from callwatch.settings import reset_settings
from callwatch.tracker import ErrorSeverity, error_tracker
from local.api_gateway.template import EventSource, Template, load
from local.lambda_runtime import triggers
from local.lambda_runtime.triggers import QueueTrigger
from local.lambda_runtime.workers import FunctionFailed
from local.sqs import server as local_queue

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
SENT = 20
TRIES = 5


class Handlers:
    """The real handlers in this process, as workers of the local event source; counts invocations."""

    def __init__(self, modules: dict[str, ModuleType], template: Template) -> None:
        self.count: Counter[str] = Counter()
        self._modules = modules
        self._module_of = {name: function.handler.partition(".")[0] for name, function in template.functions.items()}

    def invoke(self, name: str, event: bytes) -> bytes:
        module = self._module_of[name]
        self.count[module] += 1
        try:
            return json.dumps(self._modules[module].lambda_handler(json.loads(event), None)).encode()
        except Exception as error:
            raise FunctionFailed(type(error).__name__) from None


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Template, dict[str, str]]]:
    """Create the template's queues in the real local queue; every message is visible again at once."""
    server = local_queue.start(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    # The session of an earlier test would keep its access key.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    names = load(ROOT / "template.yaml", {}, {}).queues
    urls = {name: f"{server.endpoint_url}/{local_queue.ACCOUNT}/{name}" for name in names}
    sqs = boto3.client("sqs", endpoint_url=server.endpoint_url)
    for name, attributes in names.items():
        sqs.create_queue(QueueName=name, Attributes=cast("Any", {**attributes, "VisibilityTimeout": "0"}))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.endpoint_url)
    for variable, name in (("ERROR", "ErrorQueue"), ("CRITICAL", "CriticalQueue"), ("DEAD_LETTER", "DeadLetterQueue")):
        monkeypatch.setenv(f"{variable}_QUEUE_URL", urls[name])
    monkeypatch.setenv("CALLWATCH_PROJECT_ID", "0")
    monkeypatch.setattr(triggers, "_RETRY_S", 0.01)
    queue._make_client.cache_clear()
    reset_settings()
    yield load(ROOT / "template.yaml", {}, urls), urls
    server.stop()
    queue._make_client.cache_clear()


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Load every function such that it fails with a critical error: a setting that each of them reads is unusable."""
    monkeypatch.syspath_prepend(str(ROOT / "functions"))
    monkeypatch.setattr(error_tracker, "_own_limit", OwnErrorLimit())
    found = {name: importlib.import_module(name) for name in NAMES}
    monkeypatch.setenv("TIMEZONE", "Mars/Olympus")
    # What a function asks of AWS itself fails at once, too.
    monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    reset_settings()
    yield found
    for name in NAMES:
        sys.modules.pop(name, None)


def critical_messages(count: int) -> list[str]:
    now = datetime.now(UTC)
    given = {"message": "the product is down", "severity": "critical", "category": "system"}
    return [build_error_message(finish_event(given, now), 1, now) for _ in range(count)]


def run_until_quiet(trigger: QueueTrigger, url: str, limit_s: float = 60) -> None:
    """Run the event source until its queue stays empty."""
    trigger.start()
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and queue.estimate_count(url):
        time.sleep(0.05)
    trigger.stop()
    trigger.join(10)


def read_source(template: Template) -> EventSource:
    (source,) = template.event_sources
    return source


def test_a_function_that_fails_on_all_runs_a_bounded_number(
    template: tuple[Template, dict[str, str]], modules: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    described, urls = template
    handlers = Handlers(modules, described)
    queue.send(urls["CriticalQueue"], critical_messages(SENT))
    source = read_source(described)
    client = boto3.client("sqs", endpoint_url=urls["CriticalQueue"].rsplit("/", 2)[0])
    run_until_quiet(QueueTrigger(source, urls["CriticalQueue"], client, handlers), urls["CriticalQueue"])  # type: ignore[arg-type]
    error_tracker.flush()
    waiting = queue.estimate_count(urls["ErrorQueue"])
    with capsys.disabled():
        print(f"\n{SENT} critical messages, all fail: {dict(handlers.count)} invocations, {waiting} messages in ErrorQueue")
    assert 1 <= handlers.count["digest_critical"] <= SENT * TRIES
    assert queue.estimate_count(urls["CriticalQueue"]) == 0
    assert queue.estimate_count(urls["DeadLetterQueue"]) == 0
    # Everything accepted is there, and no more of our own errors than the limit.
    assert SENT < waiting <= SENT + MAX_PER_PROCESS


def test_no_function_reports_its_failure_to_a_trigger(
    template: tuple[Template, dict[str, str]], modules: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    _described, urls = template
    failed: Counter[str] = Counter()
    for _round in range(TRIES):
        for name, module in modules.items():
            event = json.loads((ROOT / "events" / f"{name}.json").read_text())
            try:
                answer: Any = module.lambda_handler(event, None)
            except Exception:
                failed[name] += 1
                continue
            failed[name] += isinstance(answer, dict) and answer.get("statusCode", 200) >= 500
    error_tracker.flush()
    own, critical = queue.estimate_count(urls["ErrorQueue"]), queue.estimate_count(urls["CriticalQueue"])
    with capsys.disabled():
        print(f"\n{sum(failed.values())} failures of {len(+failed)} functions: {own} messages, {critical} critical")
    assert len(+failed) >= 20
    assert critical == 0
    assert 1 <= own <= MAX_PER_PROCESS + 1


def test_a_failing_digest_sends_nothing_to_its_own_queue(
    template: tuple[Template, dict[str, str]], modules: dict[str, ModuleType]
) -> None:
    _described, urls = template
    event = json.loads((ROOT / "events" / "digest_errors.json").read_text())
    for _round in range(TRIES):
        with pytest.raises(ConfigurationError):
            modules["digest_errors"].lambda_handler(event, None)
    error_tracker.flush()
    assert [queue.estimate_count(urls[name]) for name in ("ErrorQueue", "CriticalQueue", "DeadLetterQueue")] == [0, 0, 0]


def test_one_error_at_full_speed_is_captured_a_few_times(template: tuple[Template, dict[str, str]]) -> None:
    _described, urls = template
    ids = [error_tracker.track_error("the disk is gone", ErrorSeverity.CRITICAL) for _ in range(1_000)]
    error_tracker.flush()
    assert sum(event_id is not None for event_id in ids) == MAX_PER_FINGERPRINT
    assert queue.estimate_count(urls["ErrorQueue"]) == MAX_PER_FINGERPRINT
    assert queue.estimate_count(urls["CriticalQueue"]) == 0

"""What is fuzzed: for each reader of foreign input, its inputs and what must hold for every one of them."""

import atexit
import contextlib
import functools
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.rules_file import read_rules
from callwatch.api.http import Request
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import ConfigurationError, RequestRefused
from callwatch.grouping.fingerprint import VERSION, compute_fingerprint, render_title
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.sentry.auth import authenticate, find_key
from callwatch.ingest.sentry.convert import convert
from callwatch.ingest.sentry.envelope import parse
from callwatch.ingest.sentry.items import take
from callwatch.pipeline.stage_file import DEFAULT, parse_stages
from callwatch.runtime.responses import find_status
from callwatch.scrubbing.pipeline import scrub_any
from callwatch.scrubbing.scrubber import scrub_value
from callwatch.settings import load_settings
from functions.authorize import identify
from local.sqs.operations import Operations, Refusal
from local.sqs.store import QueueStore
from tests.fuzz.inputs import json_texts, mutated, texts, values

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_KEY, _ADMIN = "0123456789abcdef" * 2, "a" * 24
_SETTINGS = load_settings({"ADMIN_SECRET": f"ana:{_ADMIN}", "INGEST_KEYS": f"7:{_KEY}"})
_EVENT: dict[str, Any] = {
    "event_id": "a" * 32, "message": "boom", "level": "error", "type": "ValueError", "timestamp": 1769860800.5,
    "exception": {"values": [{"type": "ValueError", "value": "boom 1", "stacktrace": {"frames": [
        {"filename": "app/x.py", "function": "f", "module": "app.x", "lineno": 3, "in_app": True, "vars": {"a": 1}}]}}]},
    "request": {"url": "https://x/y?token=1", "method": "GET", "headers": {"Authorization": "Bearer x"}, "data": {"a": "b"}},
    "user": {"id": "1", "email": "ann@example.com"}, "tags": [["a", "b"]], "extra": {"k": ["v"]},
    "breadcrumbs": {"values": [{"message": "m", "data": {}}]}, "contexts": {"trace": {"trace_id": "b" * 32}},
    "fingerprint": ["{{ default }}", "x"], "release": "1", "environment": "prod",
}  # fmt: skip
_RULE: list[dict[str, Any]] = [
    {"id": "many", "name": "Many", "level": "warning", "metric": "pipeline.stuck", "comparison": ">", "threshold": 10,
     "channels": ["log"], "cooldown_minutes": 10, "for_s": 60, "resolve_for_s": 120, "message": "m",
     "depends_on": ["database_health", {"rule_id": "service_down", "labels": {"service": "openai"}}],
     "labels": {"stage": "recordings"}, "runbook": "https://example.com/x", "also": ["email"]}
]  # fmt: skip
_URL = "http://x/0/errors"
_CALL: dict[str, Any] = {
    "QueueName": "errors", "QueueUrl": _URL, "Attributes": {"VisibilityTimeout": "0", "DelaySeconds": "0"}, "MessageBody": "b",
    "AttributeNames": ["All"], "MaxNumberOfMessages": 1, "VisibilityTimeout": 0, "ReceiptHandle": "1.x", "DelaySeconds": 0,
    "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "x"}}, "WaitTimeSeconds": 0,
    "Entries": [{"Id": "1", "MessageBody": "b", "ReceiptHandle": "1.x"}],
}  # fmt: skip
# An address that stands as a word of its own; one glued to other letters is part of a longer address.
_PLANTED = re.compile(r"(?<![\w.+%'-])ann@example\.com(?![\w-])")
_OPERATIONS = sorted(name.removeprefix("do_") for name in dir(Operations) if name.startswith("do_"))


@dataclass(frozen=True, slots=True)
class Target:
    """A reader: what it is given, and a check that raises where something does not hold."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def build_envelopes() -> st.SearchStrategy[bytes]:
    """Envelopes of mutated events under right and wrong frames, cut anywhere."""
    payload = json_texts(_EVENT).map(lambda text: text.encode("utf-8", "surrogatepass"))
    kinds = st.sampled_from((b"event", b"transaction", b"session", b"span", b"client_report", b"attachment", b""))
    length = st.one_of(st.none(), st.integers(-1, 3000))

    def frame(item: tuple[bytes, bytes, int | None]) -> bytes:
        kind, body, given = item
        said = b"" if given is None else b',"length":%d' % given
        return b'{"type":"%b"%b}\n%b\n' % (kind, said, body)

    items = st.lists(st.tuples(kinds, payload, length).map(frame), max_size=4)
    header = st.sampled_from((b"{}\n", b'{"event_id":"' + b"b" * 32 + b'"}\n', b"\n", b"[]\n", b'{"dsn":"http://\\ud800@h/1"}\n'))
    whole = st.builds(lambda first, rest: first + b"".join(rest), header, items)
    return st.one_of(whole, st.builds(lambda body, end: body[:end], whole, st.integers(0, 2000)), st.binary(max_size=300))


def check_envelope(body: bytes) -> None:
    """An envelope is taken or refused with a 4xx, and what is taken can be put into the queue."""
    with _refusing(range(400, 500)):
        for event in take(*parse(body), _KEY, _NOW).events:
            build_error_message(event, 1, _NOW).encode()


def check_encoding(given: tuple[bytes, str]) -> None:
    """A body is decoded or refused."""
    with _refusing((400, 413, 415)):
        decode(*given)


@contextlib.contextmanager
def _refusing(statuses: Container[int]) -> Iterator[None]:
    """The block may end in a refusal with one of these statuses."""
    try:
        yield
    except RequestRefused as error:
        if find_status(error) not in statuses:
            raise


def check_scrubber(value: Any) -> None:
    """Scrubbing keeps the kind of a value, and no planted address is stored."""
    found = scrub_value(value)
    assert type(found) is type(value) or isinstance(found, str)
    if isinstance(value, str):
        scrub_any(value, is_code=True)
    finished = finish_event({"message": "m", "context": {"value": value}}, _NOW)
    assert _PLANTED.search(build_error_message(finished, 1, _NOW)) is None


def check_fingerprint(event: dict[str, Any]) -> None:
    """An event of an SDK has one fingerprint, however often it is asked for, and a title of one line."""
    finished = finish_event(convert(event, _KEY), _NOW)
    first = compute_fingerprint(finished)
    assert re.fullmatch(rf"{VERSION}:[0-9a-f]{{32}}", first)
    assert first == compute_fingerprint(finished)
    title = render_title(finished)
    assert 0 < len(title) <= 300
    assert "\n" not in title


def check_rule_file(text: str) -> None:
    """A rule file is read, or refused in one line that names the file."""
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        _expect_one_line(lambda: read_rules(Path(file.name), RULES), "RULES_FILE")


def check_stage_file(raw: Any) -> None:
    """A stage file is read, or refused in one line that names the file."""
    _expect_one_line(lambda: parse_stages(raw), "STAGES_FILE")


def _expect_one_line(read: Callable[[], object], name: str) -> None:
    refusal = ""
    try:
        read()
    except ConfigurationError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert refusal.startswith(name) or not refusal


def check_auth_header(given: tuple[str, str, str]) -> None:
    """A header that is not a known token is nobody's; a key is found or refused with 401, 403 or 415."""
    header, sentry, project = given
    assert identify(header, _SETTINGS) == ("none", "anonymous")
    headers = {"authorization": header, "x-sentry-auth": sentry}
    with _refusing((401, 403, 415)):
        key = find_key(Request("POST", "/", headers=headers), lambda size: sentry.encode("utf-8", "replace")[:size])
        authenticate(key, project, {7: [_KEY]})
        assert _KEY in header + sentry
        assert int(project) == 7


@functools.cache
def open_queue() -> Operations:
    """One queue for all calls: what a call leaves behind must not harm the next one."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    operations = Operations(QueueStore(folder / "queue.sqlite3"), "http://x")
    operations.call("CreateQueue", {"QueueName": "errors"})
    return operations


def check_queue(given: tuple[str, Any]) -> None:
    """An operation answers with JSON or refuses; afterwards a healthy message still goes through."""
    operations = open_queue()
    name, call = given
    if isinstance(call, dict):
        # Nobody waits for seconds in a fuzzer.
        call.pop("WaitTimeSeconds", None)
    with contextlib.suppress(Refusal):
        json.dumps(operations.call(name, call))
    reset = {"VisibilityTimeout": "0", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0", "RedrivePolicy": ""}
    operations.call("CreateQueue", {"QueueName": "errors"})
    operations.call("SetQueueAttributes", {"QueueUrl": _URL, "Attributes": reset})
    operations.call("PurgeQueue", {"QueueUrl": _URL})
    sent = operations.call("SendMessage", {"QueueUrl": _URL, "MessageBody": "healthy"})
    (found,) = operations.call("ReceiveMessage", {"QueueUrl": _URL})["Messages"]
    assert found["MessageId"] == sent["MessageId"]
    operations.call("PurgeQueue", {"QueueUrl": _URL})


_HEADERS = st.one_of(
    texts(), st.builds("{} {}".format, st.sampled_from(("Bearer", "bearer", "Basic", "Sentry", "")), texts()),
    st.builds("Sentry sentry_key={}{}, sentry_version=7".format, texts(), st.sampled_from(("", _KEY, _KEY[:-1]))),
    st.builds('{{"dsn":"http://{}@h/7"}}'.format, texts()),
)  # fmt: skip
TARGETS: Mapping[str, Target] = {
    "envelope": Target(build_envelopes(), check_envelope),
    "encoding": Target(
        st.tuples(st.binary(max_size=300), st.sampled_from(("", "gzip", "deflate", "br", "zstd", "gzip, gzip", "x"))),
        check_encoding,
    ),
    "scrubber": Target(st.one_of(values(), texts(), mutated(_EVENT)), check_scrubber),
    "fingerprint": Target(mutated(_EVENT).filter(lambda event: isinstance(event, dict)), check_fingerprint),
    "rule file": Target(json_texts(_RULE), check_rule_file),
    "auth header": Target(
        st.tuples(_HEADERS, _HEADERS, st.one_of(st.sampled_from(("7", "07", "8", "")), texts())), check_auth_header
    ),
    "SQS": Target(st.tuples(st.sampled_from(_OPERATIONS), mutated(_CALL)), check_queue),
    "stage file": Target(mutated(json.loads(DEFAULT.read_text())), check_stage_file),
}

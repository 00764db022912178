"""Crashes in the logs of Vercel and Lambda: which lines are one, for which function, and who may send them."""

import base64
import gzip
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import TooLarge, Unreadable
from callwatch.ingest.crashes import lambda_logs, vercel
from callwatch.ingest.crashes.crash import Crash, build_event, choose_crashes
from callwatch.runtime.refusals import refusals
from callwatch.settings import load_settings, reset_settings
from tests.support.ingest_functions import Ingest, load_function
from tests.support.template_text import parse_template

ROOT = Path(__file__).resolve().parents[2]
SECRET, OTHER = "s" * 24, "o" * 24
REQUEST = "6f0b1f0e-0f0e-4f6f-9a57-0f0e0f0e0f0e"
LINE = {
    "id": "1573817250283254651097202070",
    "deploymentId": "dpl_1",
    "source": "lambda",
    "host": "product.vercel.app",
    "timestamp": 1795514400000,
    "entrypoint": "api/calls/[id]",
    "requestId": "fra1::abc",
    "statusCode": -1,
    "environment": "production",
    "message": "START RequestId: 0 Version: 1\nTask timed out after 10.01 seconds\n",
}


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Ingest:
    return Ingest(monkeypatch, VERCEL_LOG_SECRET=f"{SECRET},2:{OTHER}")


def post(lines: Any, secret: str | None = SECRET, project: str = "1", **headers: str) -> dict[str, Any]:
    body = lines if isinstance(lines, bytes) else json.dumps(lines).encode()
    event = json.loads((ROOT / "events" / "ingest_vercel.json").read_text())
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    event["pathParameters"]["project"] = project
    signed = {"x-vercel-signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()} if secret else {}
    event["headers"] = {"content-type": "application/json", **signed, **headers}
    answer: dict[str, Any] = load_function("ingest_vercel").lambda_handler(event, None)
    return answer


def read_events(ingest: Ingest) -> list[dict[str, Any]]:
    return [json.loads(body)["event"] for body in ingest.bodies]


def find_crashes(*lines: Any) -> list[Crash]:
    return choose_crashes(vercel.list_crashes(lines))


def test_time_limit_of_a_function_is_an_error(ingest: Ingest) -> None:
    # Ingest moves a time that is days old to the present.
    at = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    line = {**LINE, "timestamp": int(at.timestamp()) * 1000}
    answer = post([line, line, {**line, "id": "2", "statusCode": 504, "message": ""}, {"id": "3", "message": "all is well"}])
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"accepted": 1, "rejected": 0})
    (event,) = read_events(ingest)
    assert (event["type"], event["endpoint"], event["environment"]) == ("FunctionTimeout", "api/calls/[id]", "production")
    assert event["context"]["duration_ms"] == 10_010
    assert event["context"]["request_id"] == "fra1::abc"
    assert event["occurred_at"] == at.isoformat()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"message": ""}, "crash"),
        ({"message": "", "statusCode": 504}, "timeout"),
        ({"message": "Error: Runtime exited with error: signal: killed"}, "memory"),
        ({"message": "RequestId: 1 Error: Runtime exited with error: exit status 1 Runtime.ExitError"}, "exit"),
        ({"message": "out", "statusCode": 200, "level": "fatal"}, "fatal"),
        ({"message": "out", "statusCode": 200, "level": "error", "type": "fatal"}, "fatal"),
    ],
)
def test_kind_is_what_the_line_tells(change: dict[str, Any], kind: str) -> None:
    (crash,) = find_crashes({**LINE, **change})
    assert crash.kind == kind


PLATFORM_LINES = [
    ("Task timed out after 10.01 seconds", "timeout"),
    ("Vercel Runtime Timeout Error: Task timed out after 60 seconds", "timeout"),
    ("Error: Runtime exited with error: signal: killed\nRuntime.ExitError", "memory"),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "memory"),
    ("Node.js process exited with signal: 9 (SIGKILL). The logs above can help with debugging the issue.", "memory"),
    ("Node.js process exited with exit status: 128. The logs above can help with debugging the issue.", "exit"),
    ("Python process exited with exit status: 1. The logs above can help with debugging the issue.", "exit"),
    ("RequestId: 1 Process exited before completing request", "exit"),
    # What else Lambda writes: the error of a response, and an extension that takes the function with it.
    (f"RequestId: {REQUEST} Error: Task timed out after 3.00 seconds", "timeout"),
    (f"RequestId: {REQUEST} Error: exit status 1\nExtension.Crash", "exit"),
    (
        f"REPORT RequestId: {REQUEST}\tDuration: 693.92 ms\tMax Memory Used: 128 MB\tStatus: error\tError Type: Extension.Crash",
        "exit",
    ),
    # One line of Vercel holds all that a request has printed.
    (
        "TypeError: headers is null\n    at handler (/x.ts:30:40)\nVercel Runtime Timeout Error: Task timed out after 10 seconds",
        "timeout",
    ),
]
# Programs log the same words about others, and about what they do next.
PROGRAM_LINES = [
    "the vendor said: Task timed out after 3 seconds", "ffmpeg finished with exit status 1; it is started again",
    "the pool is out of memory, another node is tried", "[worker] Runtime.ExitError of the other function was handled",
    "child exited with error", "it got signal: killed", "process exited with exit status: 1", "REPORT of Status: timeout",
    "the Extension.Crash of yesterday", "INIT_REPORT Init Duration: 10006.05 ms\tPhase: init\tStatus: timeout",
]  # fmt: skip
PREFIXES = st.sampled_from(
    ["INFO ", "2026-11-24T10:00:00.000Z\t6f0b1f0e-0f0e-4f6f-9a57-0f0e0f0e0f0e\tINFO\t", "[ERROR] app: ", "> "]
)


@pytest.mark.parametrize(("message", "kind"), PLATFORM_LINES)
def test_words_of_a_platform_are_a_crash(message: str, kind: str) -> None:
    for change in ({"statusCode": 500}, {"statusCode": 200}, {"message": f"START RequestId: 0\n{message}\nEND RequestId: 0"}):
        assert [crash.kind for crash in find_crashes({**LINE, "statusCode": None, "message": message, **change})] == [kind]


@given(st.sampled_from([line for line, _kind in PLATFORM_LINES] + PROGRAM_LINES), PREFIXES)
def test_words_of_a_program_are_no_crash(words: str, prefix: str) -> None:
    message = prefix + words.partition("\n")[0]
    assert find_crashes({**LINE, "statusCode": 500, "message": message}) == []
    assert list(lambda_logs.list_crashes(lambda_logs.read_subscription(subscribe(message)))) == []


@pytest.mark.parametrize("message", PROGRAM_LINES)
def test_what_a_program_says_of_others_is_no_crash(message: str) -> None:
    assert find_crashes({**LINE, "statusCode": 500, "message": message}) == []


@pytest.mark.parametrize("source", ["build", "static", "external", "redirect", "firewall"])
def test_line_that_is_about_no_function_is_no_crash(source: str) -> None:
    assert find_crashes({**LINE, "source": source}, {**LINE, "source": source, "statusCode": 504}) == []


@pytest.mark.parametrize(
    "line",
    [
        {**LINE, "message": "done", "statusCode": 200},
        {**LINE, "message": "done", "statusCode": 500},
        {**LINE, "message": "", "statusCode": 200, "proxy": {"statusCode": -1}},
        {**LINE, "message": 7, "statusCode": [504]},
        "text", None, 7, [], {},
    ],
)  # fmt: skip
def test_other_lines_are_no_crash(line: Any) -> None:
    assert find_crashes(line) == []


def test_one_request_is_one_crash_and_other_lines_are_apart() -> None:
    assert len(find_crashes(LINE, {**LINE, "id": "2"})) == 1
    without = {**LINE, "requestId": None}
    assert len(find_crashes(without, {**without, "id": "2"}, without)) == 2
    ids = {build_event(crash, 1)["event_id"] for crash in find_crashes(LINE, without, {**without, "id": "2"})}
    assert len(ids) == 3
    assert build_event(find_crashes(LINE)[0], 2)["event_id"] not in ids


def test_path_of_a_call_is_no_function_of_its_own() -> None:
    first, second = (
        find_crashes({**LINE, "entrypoint": None, "path": f"/api/calls/{number}?token=x"})[0].function for number in (4821, 4822)
    )
    assert first == second == "/api/calls/{id}"


def test_lines_come_as_an_array_or_one_by_one() -> None:
    lines = [LINE, {"id": "2"}]
    assert vercel.read_lines(json.dumps(lines).encode(), "") == lines
    assert vercel.read_lines(b"\n".join(json.dumps(line).encode() for line in lines) + b"\n", "") == lines
    assert vercel.read_lines(gzip.compress(json.dumps(lines).encode()), "gzip") == lines
    assert vercel.read_lines(b'{"id": "1"}\nnot json\n', "") == [{"id": "1"}, None]
    assert len(vercel.read_lines(b"{}\n" * 20_000, "")) == vercel.MAX_LINES
    with pytest.raises(Unreadable):
        vercel.read_lines(b"[{", "")
    with pytest.raises(TooLarge):
        vercel.read_lines(b" " * (vercel.MAX_BODY_BYTES + 1), "")


@pytest.mark.parametrize(
    ("secret", "project", "status"),
    [
        (SECRET, "1", 200), (OTHER, "2", 200), (OTHER, "1", 403), (SECRET, "2", 403), (SECRET, "3", 403), (SECRET, "x", 403),
        (None, "1", 401),
    ],
)  # fmt: skip
def test_only_the_secret_of_the_project_signs(ingest: Ingest, secret: str | None, project: str, status: int) -> None:
    assert post([LINE], secret, project)["statusCode"] == status
    assert len(ingest.bodies) == (status == 200)


def test_changed_body_and_bad_signature_are_refused(ingest: Ingest) -> None:
    signature = hmac.new(SECRET.encode(), b"[]", hashlib.sha1).hexdigest()
    for sent in (signature, signature.upper(), "é", "0" * 40):
        assert post([LINE], None, **{"x-vercel-signature": sent})["statusCode"] == 403
    assert ingest.bodies == []


def test_handshake_is_answered_and_keeps_nothing(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = post([LINE], None, **{"x-vercel-verify": "code-1"})
    assert (answer["statusCode"], answer["headers"]["x-vercel-verify"]) == (200, "code-1")
    assert post([LINE], None, **{"x-vercel-verify": "a b\r\nc"})["statusCode"] == 401
    monkeypatch.setenv("VERCEL_VERIFY", "configured")
    reset_settings()
    for secret in (None, SECRET):
        assert post([], secret)["headers"]["x-vercel-verify"] == "configured"
    assert ingest.bodies == []


def test_lines_without_a_signature_are_counted(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(refusals, "add", counted.append)
    handshakes: tuple[Any, ...] = ([], {}, b"", b" ")
    for lines in handshakes:
        assert post(lines, None, **{"x-vercel-verify": "code-1"})["statusCode"] == 200
    assert counted == []
    assert post([LINE], None, **{"x-vercel-verify": "code-1"})["statusCode"] == 200
    assert counted == ["dsn_key"]
    assert ingest.bodies == []


def test_crashes_above_the_limit_are_counted_as_refused(ingest: Ingest) -> None:
    lines = [{**LINE, "id": str(number), "requestId": str(number)} for number in range(103)]
    assert json.loads(post(lines)["body"]) == {"accepted": 100, "rejected": 3}
    *errors, report = [json.loads(body) for body in ingest.bodies]
    assert {error["summary"]["sdk"] for error in errors} == {"vercel"}
    assert (report["sdk"], report["counts"]) == ("vercel", [["refused", "error", "too_many", 3]])


def test_secrets_are_checked_when_they_are_read() -> None:
    settings = load_settings({"VERCEL_LOG_SECRET": f"{SECRET}, 2:{OTHER},2:{SECRET}"})
    assert settings.vercel_log_secret == {1: (SECRET,), 2: (OTHER, SECRET)}


def subscribe(*messages: str, group: str = "/aws/lambda/transcribe", **changes: Any) -> dict[str, Any]:
    lines = [{"id": str(index), "timestamp": 1795514400000, "message": text} for index, text in enumerate(messages)]
    given = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": group, "logStream": "s", "logEvents": lines, **changes}
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(given).encode())).decode()}}


TIMED_OUT = f"2026-11-24T10:00:00.000Z {REQUEST} Task timed out after 3.00 seconds\n"
KILLED = f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n"


def report(**record: Any) -> str:
    return json.dumps({"time": "2026-11-24T10:00:00Z", "type": "platform.report", "record": {"requestId": REQUEST, **record}})


@pytest.mark.parametrize(
    ("message", "kind", "duration_ms"),
    [
        (TIMED_OUT, "timeout", 3_000),
        (KILLED, "memory", None),
        (f"RequestId: {REQUEST} Error: Runtime exited without providing a reason\nRuntime.ExitError", "exit", None),
        (f"REPORT RequestId: {REQUEST}\tDuration: 3000.00 ms\tMax Memory Used: 40 MB\tStatus: timeout", "timeout", 3_000),
        (f"REPORT RequestId: {REQUEST}\tDuration: 9.5 ms\tStatus: error\tError Type: Runtime.OutOfMemory", "memory", 9.5),
        (f"REPORT RequestId: {REQUEST}\tDuration: 9.5 ms\tStatus: error\tError Type: Runtime.ExitError", "exit", 9.5),
        (report(status="timeout", metrics={"durationMs": 3000.5}), "timeout", 3000.5),
        (report(status="error", errorType="Runtime.OutOfMemory", metrics={"durationMs": 12}), "memory", 12),
        (report(status="error", errorType="Extension.Crash", metrics={"durationMs": 12}), "exit", 12),
        (report(status="error", errorType="Runtime.ExitError"), "exit", None),
    ],
)
def test_line_of_lambda_is_a_crash_of_its_function(message: str, kind: str, duration_ms: float | None) -> None:
    (crash,) = lambda_logs.list_crashes(lambda_logs.read_subscription(subscribe(message)))
    assert (crash.kind, crash.function, crash.request_id, crash.duration_ms) == (kind, "transcribe", REQUEST, duration_ms)


def test_lines_about_one_request_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest(monkeypatch)
    event = subscribe(TIMED_OUT, report(status="timeout"), "START", report(status="success"), KILLED.replace("6f", "7f"))
    assert load_function("digest_cloudwatch_logs").lambda_handler(event, None) == {"crashes": 2}
    assert {found["type"] for found in read_events(ingest)} == {"FunctionTimeout", "FunctionOutOfMemory"}
    first = {found["event_id"] for found in read_events(ingest)}
    assert {json.loads(body)["summary"]["sdk"] for body in ingest.bodies} == {"lambda"}
    ingest.bodies.clear()
    load_function("digest_cloudwatch_logs").lambda_handler(event, None)
    assert {found["event_id"] for found in read_events(ingest)} == first


def test_duration_comes_from_any_line_of_a_request() -> None:
    told = f"REPORT RequestId: {REQUEST}\tDuration: 812.5 ms\tStatus: error\tError Type: Runtime.OutOfMemory"
    for lines in ((KILLED, told), (told, KILLED)):
        found = choose_crashes(lambda_logs.list_crashes(lambda_logs.read_subscription(subscribe(*lines))))
        assert [(crash.kind, crash.duration_ms) for crash in found] == [("memory", 812.5)]


HEAP = "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory"


def test_full_heap_of_node_and_its_exit_are_one_crash() -> None:
    aborted = KILLED.replace("killed", "aborted")
    found = list(
        lambda_logs.list_crashes(lambda_logs.read_subscription(subscribe("<--- JS stacktrace --->", HEAP, HEAP, aborted)))
    )
    assert [(crash.kind, crash.request_id, crash.message) for crash in found] == [("memory", REQUEST, HEAP)]
    alone = list(lambda_logs.list_crashes(lambda_logs.read_subscription(subscribe(aborted, HEAP, TIMED_OUT))))
    assert [crash.kind for crash in alone] == ["exit", "timeout", "memory"]


def test_own_log_groups_and_control_messages_hold_no_crash() -> None:
    for event in (subscribe(TIMED_OUT, group="/callwatch/prod"), subscribe(TIMED_OUT, messageType="CONTROL_MESSAGE")):
        assert list(lambda_logs.list_crashes(lambda_logs.read_subscription(event))) == []
    odd = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "g",
        "logEvents": [None, {}, {"message": 7}, {"message": '{"type":"platform.report"'}],
    }
    assert list(lambda_logs.list_crashes(odd)) == []


@pytest.mark.parametrize(
    "data", [None, 7, "x", "####", base64.b64encode(b"x").decode(), base64.b64encode(gzip.compress(b"[]", mtime=0)).decode()]
)
def test_subscription_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises(Unreadable):
        lambda_logs.read_subscription({"awslogs": {"data": data}})


def test_bomb_in_a_subscription_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_logs, "MAX_BYTES", 1_000)
    with pytest.raises(Unreadable):
        lambda_logs.read_subscription(subscribe("x" * 100_000))


class _FakeLogs:
    class exceptions:  # noqa: N801 (boto3's own name)
        ResourceNotFoundException = KeyError
        LimitExceededException = OverflowError

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def get_paginator(self, _name: str) -> "_FakeLogs":
        return self

    def paginate(self, logGroupNamePrefix: str) -> list[dict[str, Any]]:  # noqa: N803 (boto3's own name)
        assert logGroupNamePrefix == "/aws/lambda/product-"
        names = ("full", "gone", "calls", "own", "callwatch-logs")
        return [{"logGroups": [{"logGroupName": f"/aws/lambda/product-{name}"} for name in names]}]

    def put_subscription_filter(self, **given: str) -> None:
        for name, error in (("full", OverflowError), ("gone", KeyError)):
            if given["logGroupName"].endswith(name):
                raise error
        assert "Task timed out" in given["filterPattern"]
        self.calls.append(("put", given["logGroupName"]))

    def delete_subscription_filter(self, **given: str) -> None:
        self.calls.append(("delete", given["logGroupName"]))


def test_template_subscribes_the_groups_of_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    template = parse_template((ROOT / "deploy" / "subscribe_logs.yaml").read_text())
    code: dict[str, Any] = {}
    exec(template["Resources"]["Subscribe"]["Properties"]["Code"]["ZipFile"], code)
    monkeypatch.setenv("PREFIX", "/aws/lambda/product-")
    monkeypatch.setenv("DESTINATION", "arn:aws:lambda:eu-west-1:123456789012:function:product-callwatch-logs")
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/product-own")
    logs = _FakeLogs()
    code["change_groups"](False, logs)
    assert logs.calls == [("put", "/aws/lambda/product-calls")]
    logs.calls.clear()
    code["change_groups"](True, logs)
    assert ("delete", "/aws/lambda/product-calls") in logs.calls


def test_times_of_lines_are_utc() -> None:
    (crash,) = find_crashes(LINE)
    assert crash.occurred_at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    for value in (None, "now", True, 1e30, float("nan")):
        assert find_crashes({**LINE, "timestamp": value})[0].occurred_at is None

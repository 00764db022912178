"""Measures the CPU time of our function for one 8 KB Sentry event: the whole handler against JSON alone and one boto3 send."""

import base64
import contextlib
import gzip
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3

from callwatch import sqs
from callwatch.scrubbing import text as scrubbing
from callwatch.scrubbing import values
from callwatch.settings import reset_settings
from local.sqs import server as local_queue
from local.sqs.server import RunningQueue

ROOT = Path(__file__).resolve().parents[1]
KEY = "ab" * 16
EVENTS = 300
GOAL_MS, AIM_MS = 5.0, 2.5
HOSTILE = ["a", "1-", "@", "%25", "a=", "password='", "a://b:", "12 Main ", "4111 ", "AB12 ", "Key (a)=(", "customer John "]


def main() -> None:
    """Print CPU milliseconds per event, with their ratios to the minimum that any ingest needs."""
    with tempfile.TemporaryDirectory() as folder:
        server = local_queue.start(Path(folder))
        try:
            handler = prepare(server)
            measure(handler)
        finally:
            server.stop()
    measure_growth()


def prepare(server: RunningQueue) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Load the handler with its own queue."""
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {**keys, "AWS_ENDPOINT_URL_SQS": server.endpoint_url, "INGEST_KEYS": f"1:{KEY}", "USER_HASH_KEY": "k" * 64}
    sqs = boto3.client("sqs")
    for name, variable in (("errors", "ERROR_QUEUE_URL"), ("critical", "CRITICAL_QUEUE_URL")):
        os.environ[variable] = sqs.create_queue(QueueName=name)["QueueUrl"]
    reset_settings()
    sys.path.insert(0, str(ROOT / "functions"))
    import ingest_envelope  # type: ignore[import-not-found]

    found: Callable[[dict[str, Any], Any], dict[str, Any]] = ingest_envelope.lambda_handler
    return found


def measure(handler: Callable[[dict[str, Any], Any], dict[str, Any]]) -> None:
    """Measure the handler on events of one application, and on events that share nothing."""
    payloads = [build_payload(number) for number in range(EVENTS)]
    size = len(payloads[0])
    with silence():
        requests = [build_request(raw) for raw in payloads]
        handler(requests[0], None)
        alike = measure_cpu_ms(lambda event: handler(event, None), requests)
        cold = measure_cpu_ms(lambda event: handle_anew(handler, event), requests)
    bare = measure_cpu_ms(lambda raw: json.dumps(json.loads(raw)), payloads)
    url = os.environ["ERROR_QUEUE_URL"]
    sent = measure_cpu_ms(lambda raw: sqs.send(url, [raw.decode()]), payloads)
    theirs = boto3.client("sqs")
    by_boto3 = measure_cpu_ms(
        lambda raw: theirs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": raw.decode()}]), payloads
    )
    print(f"event size                          {size:>8,} bytes")
    print(f"bare json parse and dump            {bare:>8.2f} ms CPU an event")
    print(f"one send of boto3                   {by_boto3:>8.2f} ms CPU an event")
    print(f"one send of ours                    {sent:>8.2f} ms CPU an event")
    for name, took in (("handler, events of one application", alike), ("handler, nothing seen before", cold)):
        met = "aim met" if took <= AIM_MS else "goal met" if took <= GOAL_MS else "goal MISSED"
        print(f"{name:<36}{took:>8.2f} ms CPU an event   {took / (bare + by_boto3):.2f} of json and boto3; {met}")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what the handler logs of each request."""
    log = os.dup(1)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(log, 1)
            os.close(log)


def handle_anew(handler: Callable[[dict[str, Any], Any], dict[str, Any]], event: dict[str, Any]) -> None:
    """Run the handler without its caches from earlier events."""
    for cache in (scrubbing._scrub_remembered, scrubbing.scrub_short, values._scrub_short_item):
        cache.cache_clear()
    handler(event, None)


def measure_growth() -> None:
    """Compare one megabyte of hostile text with an eighth of it."""
    for seed in HOSTILE:
        texts = [(seed * size)[:size] for size in (1 << 17, 1 << 20)]
        small, large = (measure_cpu_ms(scrubbing.scrub_text, [text]) for text in texts)
        print(f"hostile megabyte of {seed!r:<18}{large:>8.0f} ms CPU   {large / max(small, 0.5):>5.1f} times an eighth of it")


def measure_cpu_ms(action: Callable[[Any], Any], given: Sequence[Any]) -> float:
    """Return the CPU time of this process for one item in ms, the median over five runs."""
    found = []
    for part in range(5 if len(given) > 1 else 1):
        chosen = given[part::5] if len(given) > 1 else given
        started = time.process_time()
        for one in chosen:
            action(one)
        found.append((time.process_time() - started) / len(chosen) * 1000)
    return statistics.median(found)


def build_request(raw: bytes) -> dict[str, Any]:
    """Build the gateway event of an envelope as SDKs send it: gzip, base64."""
    header = json.dumps({"event_id": uuid.uuid4().hex, "sent_at": "2026-01-31T12:00:00Z"}).encode()
    envelope = header + b'\n{"type":"event","length":' + str(len(raw)).encode() + b"}\n" + raw + b"\n"
    found: dict[str, Any] = json.loads((ROOT / "events" / "ingest_envelope.json").read_text())
    found["headers"] |= {"x-sentry-auth": f"Sentry sentry_key={KEY}", "content-encoding": "gzip"}
    return found | {"body": base64.b64encode(gzip.compress(envelope, 6)).decode(), "isBase64Encoded": True}


def build_payload(number: int) -> bytes:
    """Build an event of about 8 KB as the SDK of a web application sends it."""
    frames = [
        {
            "filename": f"app/module_{n}.py", "abs_path": f"/srv/app/module_{n}.py", "function": f"handle_{n}", "lineno": n * 10,
            "module": f"app.module_{n}", "in_app": True, "pre_context": ["def handle(value, options):", "    # the slow path"],
            "context_line": "    result = compute(value, options)  # may fail", "post_context": ["    return result", ""],
            "vars": {"value": f"'{uuid.uuid4().hex}'", "options": {"retry": "True", "limit": str(number)}, "n": f"{number}"},
        }
        for n in range(9)
    ]  # fmt: skip
    crumbs = [
        {"timestamp": f"2026-01-31T12:00:{n:02}Z", "type": "http", "category": "httplib", "level": "info",
         "data": {"url": f"https://api.example.com/calls/{number + n}", "method": "GET", "status_code": 200}}
        for n in range(15)
    ]  # fmt: skip
    value = f"call {number} of bob{number}@example.com could not be stored"
    headers = {"Host": "app.example.com", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Cookie": f"sid={number}"}
    event = {
        "event_id": uuid.uuid4().hex, "timestamp": time.time(), "level": "error", "platform": "python", "release": "2.4.0",
        "environment": "production", "server_name": "ip-10-0-0-1", "transaction": "POST /calls/{id}",
        "exception": {"values": [{"type": "ValueError", "value": value, "stacktrace": {"frames": frames}}]},
        "breadcrumbs": {"values": crumbs}, "user": {"id": str(number)}, "tags": {"queue": "transcription"},
        "request": {"url": f"https://app.example.com/calls/{number}", "method": "POST", "headers": headers,
                    "query_string": f"auth_token={uuid.uuid4().hex}",
                    "data": json.dumps({"customer_name": "John Smith", "phone": f"415555{number:04}"})},
        "contexts": {"runtime": {"name": "CPython", "version": "3.13.1"},
                     "trace": {"trace_id": uuid.uuid4().hex, "span_id": "a" * 16}},
        "extra": {"sys.argv": ["-m", "app"]}, "sdk": {"name": "sentry.python", "version": "2.75.0"},
    }  # fmt: skip
    return json.dumps(event).encode()


if __name__ == "__main__":
    main()

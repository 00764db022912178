"""The client for AWS's JSON services: against boto3 on a server, and against servers that misbehave."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from callwatch.aws import boto3_client, json_client
from callwatch.aws import client as aws_client
from callwatch.aws.client import Timeouts, make_client
from callwatch.aws.json_client import JsonClient
from callwatch.exceptions import AwsCallFailed
from callwatch.http_client import connect as http_connect
from local.sqs import server as local_queue
from tests.support.raw_server import OK, RawServer, make_tls_context

SHORT = Timeouts(connect_s=1.0, read_s=1.0)
Answer = tuple[int, bytes]


class Service:
    """A server that keeps connections open; `answers` are used in order, the last one again and again."""

    def __init__(self, *answers: Answer, closes: bool = False) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[int, dict[str, str], Any]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler(closes))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _make_handler(self, closes: bool) -> type[http.server.BaseHTTPRequestHandler]:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                service.requests.append((self.client_address[1], headers, body))
                status, raw = service.answers[0] if len(service.answers) == 1 else service.answers.pop(0)
                self.send_response(status)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
                # Without notice, as a service ends a connection that was idle for long.
                self.close_connection = closes

            def log_message(self, *_args: Any) -> None:
                """Log nothing."""

        return Handler

    @property
    def connections(self) -> int:
        return len({port for port, _headers, _body in self.requests})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*answers: Answer, closes: bool = False) -> Service:
        started.append(Service(*answers, closes=closes))
        return started[-1]

    yield start
    for service in started:
        service.stop()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "_PAUSE_S", (0.0, 0.0))


def test_each_operation_gives_what_boto3_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = local_queue.start(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    try:
        theirs: Any = boto3.client("sqs", endpoint_url=server.endpoint_url)
        ours = make_client("sqs", SHORT, server.endpoint_url)
        assert isinstance(ours, JsonClient)
        found = []
        for number, client in enumerate((theirs, ours)):
            url = client.create_queue(QueueName=f"q{number}")["QueueUrl"]
            client.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "größer \U0001f600"}])
            reason = {"reason": {"DataType": "String", "StringValue": "why"}}
            client.send_message(QueueUrl=url, MessageBody="second", MessageAttributes=reason)
            given = {"MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"], "MaxNumberOfMessages": 10}
            received = client.receive_message(QueueUrl=url, MessageAttributeNames=["reason"], **given)["Messages"]
            counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
            handles = [{"Id": str(index), "ReceiptHandle": m["ReceiptHandle"]} for index, m in enumerate(received)]
            deleted = client.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]
            empty = client.receive_message(QueueUrl=url).get("Messages", [])
            shown = [{name: m.get(name) for name in ("Body", "MD5OfBody", "MessageAttributes")} for m in received]
            found.append((shown, sorted(received[0]["Attributes"]), counts["Attributes"], deleted, empty))
        assert found[0] == found[1]
    finally:
        server.stop()


def test_connection_is_kept_for_the_next_call(serve: Callable[..., Service]) -> None:
    service = serve((200, b"{}"))
    client = make_client("ssm", SHORT, service.address)
    for _ in range(3):
        client.get_parameter(Name="/a", WithDecryption=True)
    assert (len(service.requests), service.connections) == (3, 1)
    _port, headers, body = service.requests[0]
    assert body == {"Name": "/a", "WithDecryption": True}
    assert (headers["x-amz-target"], headers["content-type"]) == ("AmazonSSM.GetParameter", "application/x-amz-json-1.1")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=testing/")


def test_a_connection_that_was_closed_is_replaced(serve: Callable[..., Service]) -> None:
    service = serve((200, b"{}"), closes=True)
    client = make_client("sqs", SHORT, service.address)
    for _ in range(5):
        assert client.get_queue_attributes(QueueUrl="q") == {}
    assert service.connections == 5


def test_threads_share_a_client(serve: Callable[..., Service]) -> None:
    service = serve((200, b'{"a": 1}'))
    client = make_client("sqs", SHORT, service.address)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: client.receive_message(QueueUrl=str(number)), range(200)))
    assert found == [{"a": 1}] * 200
    assert sorted(int(body["QueueUrl"]) for _port, _headers, body in service.requests) == list(range(200))
    assert service.connections <= 8


REFUSED = b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}'
THROTTLED = b'{"__type": "com.amazonaws.sqs#RequestThrottled"}'


@pytest.mark.parametrize(
    ("answers", "reason", "requests"),
    [
        ([(400, REFUSED)], "QueueDoesNotExist", 1),
        ([(403, b'{"__type": "AccessDeniedException"}')], "AccessDeniedException", 1),
        ([(400, THROTTLED)], "RequestThrottled", 2),
        ([(500, b"<html>oops</html>")], "status 500", 2),
        ([(503, b"")], "status 503", 2),
        ([(400, b"[1]")], "status 400", 1),
        ([(200, b"not json")], "unreadable", 1),
        ([(503, b""), (200, b"{}")], None, 2),
        ([(400, THROTTLED), (200, b"{}")], None, 2),
    ],
)
def test_refusal_has_its_code_and_is_tried_again_if_passing(
    serve: Callable[..., Service], answers: list[Answer], reason: str | None, requests: int
) -> None:
    service = serve(*answers)
    client = make_client("sqs", SHORT, service.address)
    if reason is None:
        assert client.send_message_batch(QueueUrl="q", Entries=[]) == {}
    else:
        with pytest.raises(AwsCallFailed) as caught:
            client.send_message_batch(QueueUrl="q", Entries=[])
        assert caught.value.reason == reason
    assert len(service.requests) == requests


def test_service_that_is_away_or_silent_costs_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AwsCallFailed) as caught:
        make_client("sqs", SHORT, "http://127.0.0.1:1").receive_message(QueueUrl="q")
    assert caught.value.reason == "unreachable"
    with RawServer(is_stalling=True) as silent:
        started = time.monotonic()
        with pytest.raises(AwsCallFailed) as caught:
            make_client("sqs", Timeouts(0.5, 0.5), f"http://127.0.0.1:{silent.port}").receive_message(QueueUrl="q")
        assert caught.value.reason == "timeout"
        assert time.monotonic() - started < 10


def test_untrusted_certificate_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = make_tls_context(tmp_path)
    with RawServer(OK, context) as server:
        address = f"https://127.0.0.1:{server.port}"
        with pytest.raises(AwsCallFailed) as caught:
            make_client("sqs", SHORT, address).receive_message(QueueUrl="q")
        assert (caught.value.reason, server.requests) == ("tls", [])
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        http_connect.load_tls_context.cache_clear()
        assert make_client("sqs", SHORT, address).receive_message(QueueUrl="q") == {}
        http_connect.load_tls_context.cache_clear()


@pytest.mark.parametrize(
    "changes",
    [
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"HTTPS_PROXY": "http://proxy.example:3128"},
        {"https_proxy": "http://proxy.example:3128"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_CA_BUNDLE": "/etc/company.pem"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_only_boto3_knows_is_left_to_it(changes: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(make_client("sqs", SHORT), JsonClient)
    monkeypatch.setattr(boto3_client, "Boto3Client", lambda *given: given)
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    found: Any = make_client("sqs", SHORT, None, "eu-west-1")
    assert found == ("sqs", SHORT, None, "eu-west-1")


def test_boto3_raises_the_same_error(serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_client, "_is_plain", lambda _address: False)
    for answer, reason in (((400, REFUSED), "QueueDoesNotExist"), ((400, THROTTLED), "RequestThrottled")):
        client = make_client("sqs", SHORT, serve(answer).address)
        with pytest.raises(AwsCallFailed) as caught:
            client.receive_message(QueueUrl="q")
        assert caught.value.reason == reason
    with pytest.raises(AwsCallFailed) as caught:
        make_client("sqs", SHORT, "http://127.0.0.1:1").receive_message(QueueUrl="q")
    assert caught.value.reason == "unreachable"


def test_half_a_pair_of_keys_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    with pytest.raises(AwsCallFailed, match=r"misconfigured \(PartialCredentialsError\)"):
        make_client("sqs", SHORT)


def test_addresses_are_those_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        monkeypatch.delenv(name, raising=False)
    assert aws_client._find_address("sqs", "eu-central-1") == "https://sqs.eu-central-1.amazonaws.com"
    assert aws_client._find_address("ssm", "cn-north-1") == "https://ssm.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert aws_client._find_address("ssm", "us-east-1") == "http://127.0.0.1:4566"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:4567")
    assert aws_client._find_address("secretsmanager", "us-east-1") == "http://127.0.0.1:4567"


def test_sending_needs_no_boto3(serve: Callable[..., Service]) -> None:
    service = serve((200, b"{}"))
    script = (
        "import sys; from callwatch import sqs;"
        f" sqs.send('{service.address}/0/q', ['a']); assert 'botocore' not in sys.modules, 'it takes 300 ms to import'"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environ = {name: value for name, value in environ.items() if not name.startswith("AWS_ENDPOINT_URL")}
    subprocess.run([sys.executable, "-c", script], check=True, env=environ)
    assert service.requests[0][2]["Entries"] == [{"Id": "0", "MessageBody": "a"}]

"""The local gateway with a test template, whose functions crash, hang, die and respond incorrectly."""

import http.client
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import processes
from local.api_gateway.gateway import Gateway, Server, claim
from local.api_gateway.static_site import Page
from local.api_gateway.template import load
from local.lambda_runtime import layers
from local.lambda_runtime.workers import Workers

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "gateway"


class Client:
    """One connection per call, as an unknown client would use."""

    def __init__(self, port: int, logs: Path) -> None:
        self.port = port
        self.logs = logs

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        raw = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, json.loads(raw) if raw[:1] in (b"{", b"[", b'"') else raw.decode(), found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "app.js").write_text("export {};")
    (folder / "secret.txt").write_text("not for the web")
    return folder


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, page: Path) -> Iterator[Client]:
    template = load(FOLDER / "template.yaml", {"GREETING": "from outside"}, {})
    logs = tmp_path_factory.mktemp("logs")
    workers = Workers(template.functions, layers.build(), {}, logs)
    server = Server(Gateway(template, workers, Page(page)), claim(0))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Client(server.server_address[1], logs)
    server.shutdown()
    server.server_close()
    workers.stop()


def test_a_function_gets_payload_v2_as_api_gateway_gives_it(call: Client) -> None:
    headers = {"Content-Type": "application/json", "X-Thing": "a", "Cookie": "k=v; l=w", "Authorization": "Bearer x"}
    _status, event, _headers = call("POST", "/echo/a%20b?x=1&x=2&y=", b'{"a": 1}', headers)
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /echo/{id}"
    assert (event["rawPath"], event["rawQueryString"]) == ("/echo/a b", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["pathParameters"] == {"id": "a b"}
    assert event["cookies"] == ["k=v", "l=w"]
    assert event["headers"]["x-thing"] == "a"
    assert all(name == name.lower() for name in event["headers"])
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    context = event["requestContext"]
    assert context["authorizer"]["lambda"] == {"role": "viewer", "actor": "who"}
    assert (context["stage"], context["http"]["method"], context["http"]["sourceIp"]) == ("$default", "POST", "127.0.0.1")


def test_a_body_that_is_no_text_arrives_in_base64(call: Client) -> None:
    for headers in (
        {"content-type": "application/octet-stream"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ):
        _status, event, _headers = call("POST", "/echo/x", b"\x00\xff", headers)
        assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_a_form_with_files_arrives_in_base64(call: Client) -> None:
    # Its parts come after the headers, where the parser of headers misses them.
    _status, event, _headers = call(
        "POST", "/echo/x", b"--b\r\n\r\n\xff\r\n--b--", {"content-type": "multipart/form-data; boundary=b"}
    )
    assert (event["body"], event["isBase64Encoded"]) == ("LS1iDQoNCv8NCi0tYi0t", True)


def test_a_chunked_body_arrives_whole(call: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=20)
    connection.request("POST", "/echo/x", iter([b"ab", b"cd"]), {"content-type": "text/plain"}, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == "abcd"


def test_exact_routes_precede_variable_and_greedy_ones(call: Client) -> None:
    assert call("GET", "/echo/fixed")[1]["routeKey"] == "GET /echo/fixed"
    assert call("GET", "/echo/other")[1]["routeKey"] == "GET /echo/{id}"
    greedy = call("GET", "/echo/a/b/c/")[1]
    assert (greedy["routeKey"], greedy["pathParameters"]) == ("GET /echo/{proxy+}", {"proxy": "a/b/c/"})


def test_what_is_no_route_is_404_in_the_gateways_words(call: Client) -> None:
    for method, path in (("GET", "/nope"), ("PUT", "/echo/x"), ("POST", "/echo/fixed/more"), ("GET", "/echo/")):
        assert call(method, path)[:2] == (404, {"message": "Not Found"})


@pytest.mark.parametrize("how", ["raise", "exit", "kill", "not-json", "bad-shape", "too-big"])
def test_failing_function_is_500_and_the_next_request_works(call: Client, how: str) -> None:
    status, body, headers = call("GET", f"/fail/{how}")
    assert (status, body) == (500, {"message": "Internal Server Error"})
    assert "Traceback" not in json.dumps(headers)
    assert call("GET", "/fail/none")[0] == 200


@pytest.mark.parametrize("how", ["bit-by-bit", "at-once"])
def test_process_over_its_memory_size_is_killed(call: Client, how: str) -> None:
    log = call.logs / "Hungry.log"
    before = len(killed_lines(log))
    assert call("GET", f"/memory/{how}")[:2] == (500, {"message": "Internal Server Error"})
    assert call("GET", "/memory/within")[:2] == (200, "100000000")
    assert processes.wait_until(lambda: len(killed_lines(log)) > before, 10)
    used_mb, limit_mb = (int(number) for number in re.findall(r"(\d+) MB", killed_lines(log)[-1]))
    assert 256 == limit_mb < used_mb < 1_000


def killed_lines(log: Path) -> list[str]:
    lines = log.read_text().splitlines() if log.is_file() else []
    return [line for line in lines if "the function's MemorySize" in line]


def test_hanging_function_ends_at_its_timeout(call: Client) -> None:
    started = time.monotonic()
    assert call("GET", "/fail/hang")[:2] == (500, {"message": "Internal Server Error"})
    assert 1.8 < time.monotonic() - started < 20
    assert call("GET", "/fail/none")[0] == 200


def test_a_function_that_cannot_be_loaded_is_500(call: Client) -> None:
    assert call("GET", "/broken")[:2] == (500, {"message": "Internal Server Error"})


def test_short_cookie_and_binary_responses_work(call: Client) -> None:
    assert call("GET", "/answer/short")[:2] == (200, {"just": "this"})
    _status, _body, headers = call("GET", "/answer/cookies")
    assert headers["set-cookie"] == "b=2"
    assert call("GET", "/answer/binary")[1] == "raw bytes"


def test_a_body_over_the_limit_is_413(call: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=20)
    # The whole request is sent before the response is read, as most clients do.
    connection.request("POST", "/echo/x", body=b"x" * (11 * 1024 * 1024))
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (b"\x16\x03\x01\r\n\r\n", None, "Bad Request"),
        (b"GET /echo/x HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431", "Request Header Fields Too Large"),
        (b"POST /echo/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", b"400", "Bad Request"),
    ],
    ids=["no HTTP", "a header without end", "two lengths"],
)
def test_what_cannot_be_read_is_refused_in_the_gateways_words(
    call: Client, given: bytes, status: bytes | None, words: str
) -> None:
    with socket.create_connection(("127.0.0.1", call.port), timeout=20) as connection, connection.makefile("rwb") as stream:
        stream.write(given)
        stream.flush()
        head, _, body = stream.read().rpartition(b"\r\n\r\n")
    # A client that does not speak HTTP gets only the text.
    assert status is None or head.split(b" ")[1] == status
    assert json.loads(body) == {"message": words}


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [
        # Binary data travels in base64, a third longer: 4.7 MB of it equal 6 MB of text.
        ("application/octet-stream", 4_700_000, 200),
        ("application/octet-stream", 4_720_000, 413),
        ("application/x-sentry-envelope", 5_000_000, 413),
        ("text/plain", 6_200_000, 200),
        ("text/plain", 6_292_000, 413),
        ("application/json", 6_292_000, 413),
    ],
)
def test_event_longer_than_lambda_takes_is_413(call: Client, kind: str, size: int, status: int) -> None:
    found, body, _headers = call("POST", "/length/x", b"x" * size, {"content-type": kind})
    assert found == status
    if status == 413:
        assert body == {"message": "Request Entity Too Large"}
    else:
        assert body == {"length": size if kind == "text/plain" else -(-size // 3) * 4}


def test_text_beyond_ascii_counts_by_its_bytes(call: Client) -> None:
    body = "ü".encode() * 3_000_000
    assert call("POST", "/length/x", body, {"content-type": "text/plain"})[:2] == (200, {"length": 3_000_000})


def test_head_answers_as_get_without_its_body(call: Client) -> None:
    for path in ("/echo/head", "/admin/operations"):
        connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=20)
        # Twice on one connection: an unwanted body would be read as the next response.
        for _attempt in range(2):
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.close()
    # As API Gateway does, which routes a HEAD only if a route says so.
    assert call("HEAD", "/echo/x")[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "NOSUCH", "GET"])
def test_other_method_on_a_known_path_is_404(call: Client, method: str) -> None:
    assert call(method, "/length/x")[:2] == (404, {"message": "Not Found"})


_POST = b"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_SMUGGLED = b"GET /echo/fixed HTTP/1.1\r\nHost: x\r\n\r\n"
_AMBIGUOUS = {
    "both lengths": _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a list of lengths": _POST + b"Content-Length: 1, 1\r\n\r\nx",
    "a signed length": _POST + b"Content-Length: +5\r\n\r\nxxxxx",
    "a negative length": _POST + b"Content-Length: -5\r\n\r\n",
    "a length with an underscore": _POST + b"Content-Length: 1_0\r\n\r\nxxxxxxxxxx",
    "a length in hexadecimal": _POST + b"Content-Length: 0x5\r\n\r\nxxxxx",
    "a length in other digits": _POST + b"Content-Length: \xd9\xa5\r\n\r\nxxxxx",
    "a length of nothing": _POST + b"Content-Length: \r\n\r\n",
    "a length that is a fraction": _POST + b"Content-Length: 5.0\r\n\r\nxxxxx",
    "a space before the colon": _POST + b"Content-Length : 5\r\n\r\nxxxxx",
    "a space before the coding's colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": _POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a line without a colon": _POST + b"chunked\r\nContent-Length: 0\r\n\r\n",
    "a body that is too short": _POST + b"Content-Length: 50\r\n\r\nxxxxx",
    "chunked in HTTP/1.0": _CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a chunk size with 0x": _CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n",
    "a signed chunk size": _CHUNKED + b"+1\r\nx\r\n0\r\n\r\n",
    "a negative chunk size": _CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
    "a chunk size of nothing": _CHUNKED + b"\r\nx\r\n0\r\n\r\n",
    "a chunk size without an end": _CHUNKED + b"1" * 9000,
    "a chunk longer than its size": _CHUNKED + b"1\r\nxyz\r\n0\r\n\r\n",
    "a chunk shorter than its size": _CHUNKED + b"9\r\nx\r\n",
    "a chunk size ended by LF alone": _CHUNKED + b"1\nx\r\n0\r\n\r\n",
    "a body without a last chunk": _CHUNKED + b"1\r\nx\r\n",
}
_OTHER_CODINGS = (b"gzip", b"identity", b"xchunked", b"chunked, gzip", b"gzip, chunked", b"chunked, chunked", b"chunked;x", b"")


def exchange(call: Client, request: bytes) -> list[tuple[int, bytes]]:
    """Return status and body of every response on one connection, until the gateway closes it."""
    with socket.create_connection(("127.0.0.1", call.port), timeout=20) as connection, connection.makefile("rwb") as stream:
        stream.write(request)
        stream.flush()
        connection.shutdown(socket.SHUT_WR)
        raw = stream.read()
    answers = []
    for part in raw.split(b"HTTP/1.1 ")[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        answers.append((int(head[:3]), body))
    return answers


@pytest.mark.parametrize("name", _AMBIGUOUS)
def test_ambiguous_framing_is_400_and_ends_the_connection(call: Client, name: str) -> None:
    request = _AMBIGUOUS[name] if "short" in name or "without" in name else _AMBIGUOUS[name] + _SMUGGLED
    assert exchange(call, request) == [(400, b'{"message": "Bad Request"}')]


@pytest.mark.parametrize("coding", _OTHER_CODINGS)
def test_unknown_transfer_coding_is_501(call: Client, coding: bytes) -> None:
    request = _POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + _SMUGGLED
    assert exchange(call, request) == [(501, b'{"message": "Not Implemented"}')]


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"Content-Length: 5\r\n\r\nabcde", "abcde"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", "abcde"),
        (b"content-length:005\r\n\r\nabcde", "abcde"),
        (b"Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n03;a=b\r\ncde\r\n0\r\nX-Trailer: y\r\n\r\n", "abcde"),
        (b"Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        (b"Content-Length: 0\r\n\r\n", None),
        (b"\r\n", None),
    ],
)
def test_clear_framing_keeps_the_connection(call: Client, rest: bytes, body: str | None) -> None:
    (first, found), (second, _next) = exchange(call, _POST + rest + _SMUGGLED)
    assert (first, second) == (200, 200)
    assert json.loads(found).get("body") == body


def test_a_throttled_route_is_429_in_the_gateways_words(call: Client) -> None:
    results = [call("GET", "/slow-lane")[:2] for _ in range(6)]
    assert results[0][0] == 200
    assert (429, {"message": "Too Many Requests"}) in results


def test_cors_is_for_the_configured_origin_alone(call: Client) -> None:
    wanted = {"Origin": "https://ops.example.com", "Access-Control-Request-Method": "POST"}
    status, _body, headers = call("OPTIONS", "/echo/x", None, wanted)
    assert (status, headers["access-control-allow-origin"]) == (204, "https://ops.example.com")
    assert "POST" in headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in call("OPTIONS", "/echo/x", None, {**wanted, "Origin": "https://evil.example"})[2]
    assert call("GET", "/echo/x", None, {"Origin": "https://ops.example.com"})[2]["access-control-allow-origin"]
    assert "access-control-allow-origin" not in call("GET", "/echo/x", None, {"Origin": "https://evil.example"})[2]


def test_functions_see_only_their_environment_and_packages(call: Client) -> None:
    os.environ["NOT_FOR_FUNCTIONS"] = "1"
    seen = call("GET", "/environment")[1]
    assert seen["environ"]["GREETING"] == "from outside"
    assert seen["environ"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert "NOT_FOR_FUNCTIONS" not in seen["environ"]
    assert seen["importable"] == {"pydantic": True, "psycopg2": True, "callwatch": True, "pytest": False, "moto": False}


def test_many_requests_at_once_use_a_bounded_number_of_processes(call: Client) -> None:
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(call("GET", "/pid")[1]["pid"])) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(pids) == 30
    assert 1 < len(set(pids)) <= 10
    assert all(psutil.pid_exists(pid) for pid in pids)


def test_page_has_strict_headers_and_only_its_files(call: Client) -> None:
    status, body, headers = call("GET", "/admin/operations")
    assert (status, "page" in body) == (200, True)
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert call("GET", "/admin/assets/app.js")[2]["content-type"].startswith("text/javascript")
    for path in ("/admin/assets/../secret.txt", "/admin/assets/%2e%2e/secret.txt", "/admin/assets/..%2fsecret.txt"):
        assert call("GET", path)[0] == 404

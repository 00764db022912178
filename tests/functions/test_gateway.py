"""The local gateway against a template of its own, whose functions crash, hang, die and misanswer."""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import layers
from local.gateway import Gateway, Server, claim
from local.page import Page
from local.template import load
from local.workers import Workers

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "gateway"


class Client:
    """One connection a call, as a stranger would."""

    def __init__(self, port: int) -> None:
        self.port = port

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
    workers = Workers(template.functions, layers.build(), {}, tmp_path_factory.mktemp("logs"))
    server = Server(Gateway(template, workers, Page(page)), claim(0))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Client(server.server_address[1])
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


def test_a_chunked_body_arrives_whole(call: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=20)
    connection.request("POST", "/echo/x", iter([b"ab", b"cd"]), {"content-type": "text/plain"}, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == "abcd"


def test_exact_routes_go_before_variables_and_those_before_greedy_ones(call: Client) -> None:
    assert call("GET", "/echo/fixed")[1]["routeKey"] == "GET /echo/fixed"
    assert call("GET", "/echo/other")[1]["routeKey"] == "GET /echo/{id}"
    greedy = call("GET", "/echo/a/b/c/")[1]
    assert (greedy["routeKey"], greedy["pathParameters"]) == ("GET /echo/{proxy+}", {"proxy": "a/b/c/"})


def test_what_is_no_route_is_404_in_the_gateways_words(call: Client) -> None:
    for method, path in (("GET", "/nope"), ("PUT", "/echo/x"), ("POST", "/echo/fixed/more"), ("GET", "/echo/")):
        assert call(method, path)[:2] == (404, {"message": "Not Found"})


@pytest.mark.parametrize("how", ["raise", "exit", "kill", "not-json", "bad-shape", "too-big"])
def test_a_function_that_fails_is_500_without_a_trace_and_the_next_request_works(call: Client, how: str) -> None:
    status, body, headers = call("GET", f"/fail/{how}")
    assert (status, body) == (500, {"message": "Internal Server Error"})
    assert "Traceback" not in json.dumps(headers)
    assert call("GET", "/fail/none")[0] == 200


def test_a_function_that_hangs_is_ended_at_its_timeout_and_the_next_request_works(call: Client) -> None:
    started = time.monotonic()
    assert call("GET", "/fail/hang")[:2] == (500, {"message": "Internal Server Error"})
    assert 1.8 < time.monotonic() - started < 20
    assert call("GET", "/fail/none")[0] == 200


def test_a_function_that_cannot_be_loaded_is_500(call: Client) -> None:
    assert call("GET", "/broken")[:2] == (500, {"message": "Internal Server Error"})


def test_answers_in_the_short_form_and_with_cookies_and_binary_bodies(call: Client) -> None:
    assert call("GET", "/answer/short")[:2] == (200, {"just": "this"})
    _status, _body, headers = call("GET", "/answer/cookies")
    assert headers["set-cookie"] == "b=2"
    assert call("GET", "/answer/binary")[1] == "raw bytes"


def test_a_body_over_the_limit_is_413(call: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=20)
    # All of it is sent before the answer is read, as most clients do.
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
    # Who speaks no HTTP gets the words alone.
    assert status is None or head.split(b" ")[1] == status
    assert json.loads(body) == {"message": words}


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


def test_functions_see_their_own_environment_and_no_development_package(call: Client) -> None:
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


def test_the_page_has_strict_headers_and_nothing_beside_it_is_served(call: Client) -> None:
    status, body, headers = call("GET", "/admin/operations")
    assert (status, "page" in body) == (200, True)
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert call("GET", "/admin/assets/app.js")[2]["content-type"].startswith("text/javascript")
    for path in ("/admin/assets/../secret.txt", "/admin/assets/%2e%2e/secret.txt", "/admin/assets/..%2fsecret.txt"):
        assert call("GET", path)[0] == 404

"""Both ways to exchange a request on an open socket send the same bytes and read the same response."""

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callwatch.http_client import connect
from callwatch.http_client.client import RequestFailed, send_request
from callwatch.http_client.exchange import Exchange, exchange_plainly
from callwatch.http_client.requests_exchange import exchange_by_requests
from tests.support.raw_server import OK, RawServer, make_tls_context
from tests.unit.test_http_client import HOSTILE, INTERIM

WAIT_S = 5.0
HEAD = b"HTTP/1.1 200 OK\r\n"
RAW = {
    **{f"interim {name}": raw + OK for name, raw in INTERIM.items()},
    **{f"hostile {name}": raw for name, raw in HOSTILE.items()},
    "endless interim": INTERIM["103"] * 500,
    "chunks": HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "no length": HEAD + b"\r\nuntil the end",
    "long body": HEAD + b"content-length: 9000\r\n\r\n" + b"a" * 9000,
    "compressed": HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"{}", mtime=0),
    "redirect": b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "cookie": HEAD + b"set-cookie: a=b\r\nset-cookie: c=d\r\ncontent-length: 2\r\n\r\n{}",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "busy": b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nbusy",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "latin header": HEAD + b"x: \xe9\xff\r\ncontent-length: 2\r\n\r\n{}",
}
SENT: dict[str, tuple[str, str, dict[str, str], bytes | None]] = {
    "plain": ("GET", "/path?q=1", {}, None),
    "body": ("POST", "/", {"Content-Type": "application/json"}, b'{"a": 1}'),
    "empty body": ("POST", "/", {}, None),
    "head": ("HEAD", "/up", {}, None),
    "odd path": ("POST", "/a/../b//%7e%2F?x=%20&y=a+b&&z", {}, b"{}"),
    "own headers": ("GET", "", {"User-Agent": "mine", "HOST": "else.example", "x-Key": "1"}, None),
}


def outcome(exchange: Exchange, url: str, given: tuple[str, dict[str, str], bytes | None] = ("GET", {}, None)) -> Any:
    method, headers, body = given
    try:
        found = send_request(method, url, headers, body, WAIT_S, max_body_bytes=4096, exchange=exchange)
    except RequestFailed as failure:
        return (failure.reason, failure.detail)
    return (found.status, found.body, found.is_truncated, found.body_error, found.headers.get("Retry-After"))


@pytest.mark.parametrize("name", RAW)
def test_both_exchanges_read_the_same_response(name: str) -> None:
    with RawServer(RAW[name]) as server:
        url = f"http://127.0.0.1:{server.port}/"
        plain, by_requests = outcome(exchange_plainly, url), outcome(exchange_by_requests, url)
    assert by_requests == plain
    assert len(server.requests) == 2, "each was sent once"


@pytest.mark.parametrize("name", SENT)
def test_both_exchanges_send_the_same_request(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    method, path, headers, body = SENT[name]
    # What requests would use by itself: neither may change what is sent, or where to.
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login them password theirs\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with RawServer() as server:
        url = f"http://user:p%40ss@127.0.0.1:{server.port}{path}"
        for exchange in (exchange_plainly, exchange_by_requests):
            assert outcome(exchange, url, (method, headers, body))[0] == 200
    first, second = (sorted(raw.lower().split("\r\n")) for raw in server.requests)
    assert first == second
    assert server.requests[0].split("\r\n")[0] == server.requests[1].split("\r\n")[0]


def test_tls_of_requests_is_that_of_the_open_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, public = make_tls_context(tmp_path)
    with RawServer(tls=context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        connect.load_tls_context.cache_clear()
        assert outcome(exchange_by_requests, url) == ("tls", "the certificate is self-signed")
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        connect.load_tls_context.cache_clear()
        assert outcome(exchange_by_requests, url)[0] == 200
    connect.load_tls_context.cache_clear()


@pytest.mark.parametrize("exchange", [exchange_plainly, exchange_by_requests])
def test_header_that_http_cannot_carry_is_a_value_error(exchange: Exchange) -> None:
    with RawServer() as server, pytest.raises(ValueError, match="header"):
        send_request("GET", f"http://127.0.0.1:{server.port}/", {"x": "a\nb: c"}, None, WAIT_S, exchange=exchange)
    assert not any("b: c" in raw for raw in server.requests)


@pytest.mark.parametrize(
    "module", ["callwatch.http_client", "callwatch.alerts.notifications.webhook_client", "callwatch.checks.run"]
)
def test_import_of_a_client_loads_no_requests(module: str) -> None:
    script = f"import sys, {module}; print('requests' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"

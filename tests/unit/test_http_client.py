"""The HTTP client on real sockets: dead addresses, interim responses, TLS faults, hostile bytes, its deadline."""

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.webhook_client import post
from callwatch.checks.http_service import build_checker
from callwatch.checks.probe import Failure, ProbeResponse, send_probe
from callwatch.http_client import connect
from callwatch.http_client.client import HttpResponse, RequestFailed, send_request
from callwatch.settings import HttpCheck, load_settings
from tests.support.raw_server import OK, RawServer, make_tls_context
from tests.support.scripted_receiver import Receiver, Scripted

# Unused loopback addresses refuse at once; only a full backlog never answers.
REFUSING = "127.0.0.9"
WAIT_S = 5.0


@pytest.fixture(autouse=True)
def fresh_tls_context() -> Iterator[None]:
    connect.load_tls_context.cache_clear()
    yield
    connect.load_tls_context.cache_clear()


@pytest.fixture
def silent_address() -> Iterator[tuple[str, int]]:
    """Yield an address on which connecting never ends: its backlog is full, so the kernel drops each SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.8", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.05)
        yield address
        for filler in fillers:
            filler.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str, port: int) -> None:
    """Make every name resolve to these addresses, in this order."""

    def answer(*_given: Any, **_named: Any) -> list[Any]:
        families = {address: socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses}
        ends = {address: (address, port, 0, 0) if ":" in address else (address, port) for address in addresses}
        return [(families[address], socket.SOCK_STREAM, 6, "", ends[address]) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def get(port: int, timeout_s: float = WAIT_S, method: str = "GET", scheme: str = "http", host: str = "127.0.0.1") -> HttpResponse:
    return send_request(method, f"{scheme}://{host}:{port}/path?q=1", {}, None, timeout_s)


def get_failure(port: int, timeout_s: float = WAIT_S, scheme: str = "http", host: str = "127.0.0.1") -> RequestFailed:
    with pytest.raises(RequestFailed) as found:
        get(port, timeout_s, scheme=scheme, host=host)
    return found.value


@pytest.mark.parametrize("dead", [["silent"], ["refusing"], ["silent", "refusing"], ["refusing", "silent"]])
def test_dead_addresses_are_followed_by_the_next(
    dead: list[str], silent_address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = silent_address[1]
    addresses = [silent_address[0] if kind == "silent" else REFUSING for kind in dead]
    with RawServer(port=port) as server:
        resolve_to(monkeypatch, *addresses, "127.0.0.1", port=port)
        started = time.monotonic()
        assert get(port, host="two.example").status == 200
        assert time.monotonic() - started < WAIT_S / 2, "a dead address costs a fraction of the deadline"
    assert server.accepted == 1


def test_a_working_second_family_is_found(silent_address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = silent_address[1]
    with RawServer(address="::1", port=port):
        resolve_to(monkeypatch, silent_address[0], "127.0.0.7", REFUSING, "::1", port=port)
        assert get(port, host="dual.example").status == 200


def test_only_dead_addresses_end_at_the_deadline(silent_address: tuple[str, int]) -> None:
    started = time.monotonic()
    with pytest.raises(RequestFailed) as found:
        send_request("GET", f"http://{silent_address[0]}:{silent_address[1]}/", {}, None, 0.4)
    assert (found.value.reason, time.monotonic() - started < 10) == ("timeout", True)


def test_an_address_that_stalls_tls_is_followed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = make_tls_context(tmp_path, "two.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with RawServer(address=REFUSING, is_stalling=True) as stalling, RawServer(tls=context, port=stalling.port) as server:
        resolve_to(monkeypatch, REFUSING, "127.0.0.1", port=server.port)
        assert get(server.port, 3.0, scheme="https", host="two.example").status == 200
        assert stalling.accepted == 1


RESETS = {"hangs up": b"", "cuts the status line": b"HTTP/1.", "speaks no HTTP": b"SSH-2.0-x\r\n\r\n"}


def probe_two(port: int, timeout_s: float = 3.0, scheme: str = "http") -> ProbeResponse | Failure:
    return send_probe("GET", f"{scheme}://two.example:{port}/", {}, None, timeout_s)


@pytest.mark.parametrize("silent_ones", [1, 2])
def test_a_silent_address_is_followed_by_the_next(silent_ones: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RawServer())
        silent = [f"127.0.0.{20 + number}" for number in range(silent_ones)]
        stalling = [stack.enter_context(RawServer(address=each, port=server.port, is_stalling=True)) for each in silent]
        resolve_to(monkeypatch, *silent, "127.0.0.1", port=server.port)
        started = time.monotonic()
        assert isinstance(probe_two(server.port), ProbeResponse)
        assert time.monotonic() - started < 3.0
        assert [each.accepted for each in stalling] == [1] * silent_ones


def test_an_address_that_breaks_off_tls_is_followed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = make_tls_context(tmp_path, "two.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with RawServer(tls=context) as server, RawServer(b"", context, REFUSING, server.port):
        resolve_to(monkeypatch, REFUSING, "127.0.0.1", port=server.port)
        assert isinstance(probe_two(server.port, scheme="https"), ProbeResponse)


@pytest.mark.parametrize("name", RESETS)
def test_an_address_that_breaks_off_is_followed_by_the_next(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer() as server, RawServer(RESETS[name], address=REFUSING, port=server.port) as broken:
        resolve_to(monkeypatch, REFUSING, "127.0.0.1", port=server.port)
        started = time.monotonic()
        assert isinstance(probe_two(server.port, 12.0), ProbeResponse)
        assert time.monotonic() - started < 6, "the next address is asked at once"
        assert broken.accepted == server.accepted == 1


def test_a_slow_address_still_counts_while_the_next_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as slow:
        slow.default = Scripted(status=401, delay_s=1.2)
        port = int(slow.url.rpartition(":")[2].partition("/")[0])
        with RawServer(address=REFUSING, port=port, is_stalling=True) as stalling:
            resolve_to(monkeypatch, "127.0.0.1", REFUSING, port=port)
            found = probe_two(port, 2.0)
            assert isinstance(found, ProbeResponse)
            assert (found.status, found.latency_ms > 1_100) == (401, True)
            assert (len(slow.received), stalling.accepted) == (1, 1)


def test_only_silent_addresses_are_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(is_stalling=True) as one, RawServer(address=REFUSING, port=one.port, is_stalling=True) as two:
        resolve_to(monkeypatch, REFUSING, "127.0.0.1", port=one.port)
        started = time.monotonic()
        assert probe_two(one.port, 0.6) == Failure("timeout")
        assert 0.5 < time.monotonic() - started < 10
        assert one.accepted == two.accepted == 1


def test_a_status_decides_whatever_the_next_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        RawServer(b"HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n") as first,
        RawServer(port=first.port, address=REFUSING) as other,
    ):
        resolve_to(monkeypatch, "127.0.0.1", REFUSING, port=first.port)
        found = probe_two(first.port)
        assert isinstance(found, ProbeResponse)
        assert (found.status, other.accepted) == (503, 0)


def test_a_webhook_is_never_sent_to_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer() as server, RawServer(address=REFUSING, port=server.port, is_stalling=True):
        resolve_to(monkeypatch, REFUSING, "127.0.0.1", port=server.port)
        with pytest.raises(DeliveryFailed):
            post(f"http://two.example:{server.port}/", b"{}", {}, 0.6)
        assert server.accepted == 0


def test_probe_and_webhook_survive_a_dead_first_address(silent_address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = silent_address[1]
    with RawServer(port=port) as server:
        resolve_to(monkeypatch, silent_address[0], "127.0.0.1", port=port)
        assert isinstance(send_probe("GET", f"http://two.example:{port}/", {}, None, 3.0), ProbeResponse)
        assert post(f"http://two.example:{port}/", b"{}", {}, 3.0) == 200
    assert len(server.requests) == 2


INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
    "mixed": b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("name", INTERIM)
def test_interim_responses_are_skipped(name: str) -> None:
    with RawServer(INTERIM[name] + OK) as server:
        found = get(server.port)
        assert (found.status, found.body) == (200, b"{}")
        assert found.headers.get("link") is None, "headers of an interim response are not the final one's"
        assert isinstance(send_probe("GET", f"http://127.0.0.1:{server.port}/", {}, None, WAIT_S), ProbeResponse)
        assert post(f"http://127.0.0.1:{server.port}/", b"{}", {}, WAIT_S) == 200
    assert len(server.requests) == 3, "each was sent once"


@pytest.mark.parametrize("name", INTERIM)
def test_only_the_final_status_counts(name: str) -> None:
    with RawServer(INTERIM[name] + b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") as server:
        assert get(server.port).status == 503
        with pytest.raises(DeliveryFailed, match="503"):
            post(f"http://127.0.0.1:{server.port}/", b"{}", {}, WAIT_S)


@pytest.mark.parametrize(("count", "is_read"), [(20, True), (21, False)])
def test_interim_responses_are_skipped_up_to_a_limit(count: int, is_read: bool) -> None:
    with RawServer(INTERIM["103"] * count + OK) as server:
        if is_read:
            assert get(server.port).status == 200
        else:
            assert get_failure(server.port).reason == "error"


def test_interim_responses_without_end_are_an_error() -> None:
    with RawServer(INTERIM["103"] * 500) as server:
        assert get_failure(server.port).reason == "error"


def test_a_status_line_split_anywhere_is_read_whole() -> None:
    raw = INTERIM["mixed"] + OK
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for cut in range(1, len(raw), 7):
                conn, _address = listener.accept()
                with conn:
                    conn.recv(65536)
                    conn.sendall(raw[:cut])
                    time.sleep(0.005)
                    conn.sendall(raw[cut:])

        threading.Thread(target=serve, daemon=True).start()
        for _cut in range(1, len(raw), 7):
            assert get(listener.getsockname()[1]).body == b"{}"


@pytest.mark.parametrize("name", ["user-agent", "User-Agent", "USER-AGENT"])
def test_the_user_agent_is_sent_once(name: str) -> None:
    with RawServer() as server:
        url = f"http://127.0.0.1:{server.port}/"
        send_probe("GET", url, {name: "of-the-check"}, None, WAIT_S)
        post(url, b"{}", {name: "of-the-channel"}, WAIT_S)
        send_probe("GET", url, {}, None, WAIT_S)
    agents = [line for raw in server.requests for line in raw.lower().split("\r\n") if line.startswith("user-agent:")]
    assert agents == ["user-agent: of-the-check", "user-agent: of-the-channel", "user-agent: callwatch"]


def test_every_header_is_sent_once() -> None:
    given = {"Host": "else.example", "X-Key": "1", "x-KEY": "2", "Connection": "close", "Content-Type": "a/b"}
    with RawServer() as server:
        send_probe("POST", f"http://127.0.0.1:{server.port}/", given, b"body", WAIT_S)
    names = [line.partition(":")[0].lower() for line in server.requests[0].split("\r\n")[1:] if ":" in line]
    assert len(names) == len(set(names))
    assert "x-key: 2" in server.requests[0].lower()


def test_head_is_asked_where_the_check_wants_it() -> None:
    settings = load_settings({"HTTP_CHECKS": '[{"name": "site", "url": "http://127.0.0.1:1/", "method": "HEAD"}]'})
    # As a server responds to HEAD: the length that GET would have, and no body.
    with RawServer(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n") as server:
        configured: HttpCheck = {**settings.http_checks[0], "url": f"http://127.0.0.1:{server.port}/up"}
        verdict = build_checker(configured)(settings, WAIT_S)
    assert (verdict.status, verdict.reason) == ("healthy", None)
    assert server.requests[0].startswith("HEAD /up HTTP/1.1\r\n")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_follows_no_redirect(status: int) -> None:
    with RawServer() as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/"
        raw = f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        with RawServer(raw.encode()) as server, pytest.raises(DeliveryFailed, match="redirects are not followed"):
            post(f"http://127.0.0.1:{server.port}/", b"{}", {}, WAIT_S)
    assert (len(server.requests), elsewhere.accepted) == (1, 0)


TLS_FAULTS = {
    "self-signed": ("127.0.0.1", 30, False, "the certificate is self-signed"),
    "expired": ("127.0.0.1", -1, True, "the certificate has expired"),
    "wrong host": ("else.example", 30, True, "the certificate is for another host"),
}


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_a_bad_certificate_is_a_tls_failure(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, days_left, is_trusted, detail = TLS_FAULTS[fault]
    context, public = make_tls_context(tmp_path, name, days_left)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    with RawServer(tls=context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        assert send_probe("GET", url, {}, None, WAIT_S) == Failure("tls", detail)
        with pytest.raises(DeliveryFailed, match=detail) as found:
            post(url, b"{}", {}, WAIT_S)
        assert not found.value.is_permanent
        verdict = build_checker({"name": "site", "url": url})(load_settings({}), WAIT_S)
    assert (verdict.status, verdict.reason, verdict.details) == ("degraded", "tls", {"detail": detail})
    assert server.requests == [], "nothing was sent to a server that cannot be trusted"


def test_a_trusted_certificate_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, public = make_tls_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    with RawServer(tls=context) as server:
        assert get(server.port, scheme="https").status == 200


def test_a_server_without_tls_is_a_tls_failure() -> None:
    with RawServer(b"HTTP/1.1 400 Bad\r\n\r\n") as server, socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            conn, _address = plain.accept()
            with conn:
                conn.sendall(server.raw)
                conn.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        failure = get_failure(plain.getsockname()[1], scheme="https")
    assert (failure.reason, failure.detail) == ("tls", "the server does not speak TLS as expected")


HOSTILE = {
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "endless header": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000,
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    "cut chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\n{",
    "cut body": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",
    "status 0": b"HTTP/1.1 0 None\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 None\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_never_make_a_probe_healthy(name: str) -> None:
    with RawServer(HOSTILE[name]) as server:
        found = build_checker({"name": "site", "url": f"http://127.0.0.1:{server.port}/"})(load_settings({}), WAIT_S)
    assert found.status == "degraded"
    assert found.reason in ("error", "unreachable")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b", "no-such-host.invalid"])
def test_a_host_that_cannot_be_resolved_is_unreachable(host: str) -> None:
    assert get_failure(80, host=host).reason == "unreachable"


def test_the_deadline_covers_dns_and_ends_no_thread_late(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_given: Any, **_named: Any) -> Any:
        released.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    assert get_failure(80, 0.2, host="hung.example").reason == "timeout"
    assert time.monotonic() - started < 10
    released.set()


def test_sockets_are_closed_whatever_happens(tmp_path: Path, silent_address: tuple[str, int]) -> None:
    context, _public = make_tls_context(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with RawServer(tls=context) as tls, RawServer(is_stalling=True) as stalling, RawServer(HOSTILE["cut body"]) as cut:
        urls = [f"https://127.0.0.1:{tls.port}/", f"http://127.0.0.1:{stalling.port}/", f"http://127.0.0.1:{cut.port}/"]
        urls += [f"http://127.0.0.1:{silent_address[1]}/", f"http://{silent_address[0]}:{silent_address[1]}/"]
        for url in itertools.chain.from_iterable(itertools.repeat(urls, 5)):
            send_probe("GET", url, {}, None, 0.1)
    deadline = time.monotonic() + 5
    while len(list(Path("/proc/self/fd").iterdir())) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_no_tls_version_before_1_2_is_spoken() -> None:
    assert connect.load_tls_context().minimum_version >= ssl.TLSVersion.TLSv1_2

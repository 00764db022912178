"""Admission to ingest functions: decided before a body is decoded, with limits per caller."""

import gzip
import time
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from callwatch.api.http import Request
from callwatch.ingest.sentry.auth import find_key
from callwatch.runtime import admission as module
from callwatch.runtime.admission import PER_BAD_KEY, admission
from callwatch.runtime.caller_limits import LIMITS, CallerLimits, Limit
from callwatch.tracker import error_tracker
from tests.support.flooded_ingest import KEY, FloodedIngest

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": lambda raw: brotli.compress(raw, quality=1),
    "zstd": zstandard.ZstdCompressor().compress,
}  # fmt: skip
NO_KEY_LINES = {
    "brackets": b"[" * 100_000,
    "quotes": b'"' * 100_000,
    "escapes": b'\\"' * 100_000,
    "braces": b'{"a":' * 100_000,
    "surrogate": b'{"dsn":"http://\\ud800@h/1"}',
    "raw surrogate": b'{"dsn":"http://\xed\xa0\x80@h/1"}',
    "no host": b'{"dsn":"http://[::1@h/1"}',
    "a long key": b'{"dsn":"http://' + b"a" * 7_000 + b'@h/1"}',
    "a number": b'{"dsn":17}',
    "a huge number": b'{"dsn":' + b"9" * 8_000 + b"}",
    "unicode": '{"dsn":"http://ключ@h/1"}'.encode(),
    "wrong key": b'{"dsn":"http://%b@h/1"}' % (b"0" * 32),
    "blanks": b" " * 1_000_000,
    "newlines": b"\n" * 1_000_000,
    "nul": b"\x00" * 1_000_000,
    "nothing": b"",
}


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what would be stored as an error of our own."""
    found: list[Any] = []
    monkeypatch.setattr(error_tracker, "track_error", lambda *given, **_named: found.append(given))
    return found


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("line", NO_KEY_LINES)
def test_a_caller_without_a_key_is_401_at_once(ingest: FloodedIngest, line: str, encoding: str, captured: list[Any]) -> None:
    body = ENCODERS[encoding](NO_KEY_LINES[line] + b'\n{"type":"event"}\n{"message":"x"}\n' + b"0" * 3_000_000)
    ingest.post("envelope", body, {"content-encoding": encoding})
    started = time.process_time()
    status, answer, _headers = ingest.post("envelope", body, {"content-encoding": encoding})
    assert (status, answer["error"]["code"]) == (401, "unauthorized")
    # Most of the time goes into building and decoding the gateway's event of several megabytes in this test.
    assert time.process_time() - started < 0.3
    assert ingest.sent == captured == []
    assert admission.refused["unauthorized"] == 2


def test_an_encoding_twice_is_415_without_work(ingest: FloodedIngest) -> None:
    body = gzip.compress(gzip.compress(b'"' * 10_000_000))
    callers: tuple[dict[str, str], ...] = ({}, {"x-sentry-auth": f"Sentry sentry_key={KEY}"})
    for headers in callers:
        # The first refusal with a key loads what counts it.
        ingest.post("envelope", body, {"content-encoding": "gzip, gzip", **headers})
    started = time.process_time()
    for headers in callers:
        assert ingest.post("envelope", body, {"content-encoding": "gzip, gzip", **headers})[0] == 415
    # Unpacked, it would take seconds.
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_key_is_found_wherever_an_sdk_puts_it(ingest: FloodedIngest, encoding: str) -> None:
    items = b'\n{"type":"event"}\n{"message":"x"}'
    for line, headers, query in (
        (b"{}", {"x-sentry-auth": f"Sentry sentry_version=7, sentry_key={KEY}"}, {}),
        (b"{}", {"authorization": f"Sentry sentry_key = {KEY}"}, {}),
        (b"{}", {}, {"sentry_key": KEY}),
        (b'{"dsn":"https://%b@host/1"}' % KEY.encode(), {}, {}),
        (b'{"trace":"%b","dsn":"https://%b:old@host:8080/p/1"}' % (b"x" * 7_000, KEY.encode()), {}, {}),
    ):
        body = ENCODERS[encoding](line + items)
        status, _answer, _headers = ingest.post("envelope", body, {"content-encoding": encoding, **headers}, query=query)
        assert status == 200, (line, headers, query)
    assert len(ingest.sent) == 5


@given(st.binary(max_size=300), st.sampled_from(list(ENCODERS)), st.text(max_size=80))
def test_no_bytes_and_no_text_are_more_than_no_key(body: bytes, encoding: str, text: str) -> None:
    headers = {"content-encoding": encoding, "x-sentry-auth": text}
    found = find_key(Request("POST", "/", headers=headers, query={"sentry_key": text}), lambda size: body[:size])
    assert found == "" or found.isalnum()
    assert find_key(Request("POST", "/", headers={"content-encoding": encoding}), lambda size: body[:size]) == ""


def test_a_flood_without_a_key_is_429_and_a_key_still_works(ingest: FloodedIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(admission, "_bad_keys", CallerLimits(clock=lambda: now))
    burst = int(LIMITS["anonymous"].burst)
    body = b'{}\n{"type":"event"}\n{"message":"x"}'
    answers = [ingest.post("envelope", body) for _ in range(burst + 50)]
    assert [status for status, _body, _headers in answers] == [401] * burst + [429] * 50
    _status, answer, headers = answers[-1]
    assert (headers["retry-after"], headers["x-sentry-rate-limits"]) == (
        "1",
        "1:error;feedback;log_item;monitor;session;span;transaction:key",
    )
    assert answer["error"]["code"] == "too_many_requests"
    assert ingest.post("envelope", body, source_ip="198.51.100.1")[0] == 401, "another address is not affected"
    assert ingest.send_envelope(body)[0] == 200, "nor is a key from the same address"
    now += 1.0
    assert [ingest.post("envelope", body)[0] for _ in range(21)] == [401] * 20 + [429]
    assert len(ingest.sent) == 1


def test_one_bad_key_from_many_addresses_is_429(ingest: FloodedIngest) -> None:
    headers = {"x-sentry-auth": "Sentry sentry_key=" + "0" * 32}
    addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(int(PER_BAD_KEY.burst) + 200)]
    statuses = [ingest.post("envelope", b"", headers, source_ip=address)[0] for address in addresses]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert ingest.post("envelope", b"", {"x-sentry-auth": f"Sentry sentry_key={KEY}"}, source_ip="10.0.0.1")[0] == 400


def test_one_address_cannot_use_up_what_a_key_has(ingest: FloodedIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_per_address", CallerLimits({**LIMITS, "ingest": Limit(1, 5)}, lambda: 0.0))
    monkeypatch.setattr(admission, "_per_key", CallerLimits({**LIMITS, "ingest": Limit(1, 12)}, lambda: 0.0))
    body, headers = b'{}\n{"type":"event"}\n{"message":"x"}', {"x-sentry-auth": f"Sentry sentry_key={KEY}"}

    def send(ip: str) -> int:
        return ingest.post("envelope", body, headers, source_ip=ip)[0]

    assert [send("192.0.2.1") for _ in range(8)] == [200] * 5 + [429] * 3
    assert [send("192.0.2.2") for _ in range(5)] == [200] * 5
    assert [send("192.0.2.3") for _ in range(3)] == [200] * 2 + [429], "all addresses of a key together have a limit, too"


def test_a_failure_before_admission_is_stored_once(
    ingest: FloodedIngest, captured: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any) -> str:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(module, "find_key", fail)
    assert [ingest.post("envelope", b"")[0] for _ in range(30)] == [500] * 30
    assert len(captured) == 1

"""The Runtime API serves the process that it belongs to, and no other."""

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from local.lambda_runtime.runtime_api import PREFIX, Invocation, RuntimeApi

_CLIENT = """
import http.client, sys
sys.stdin.readline()
connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
connection.request("GET", sys.argv[2])
print(connection.getresponse().read().decode(), flush=True)
"""


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    found = RuntimeApi(lambda: None, lambda _error: None)
    yield found
    found.close()


def start_client(api: RuntimeApi) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CLIENT, api.address, f"{PREFIX}invocation/next"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(api: RuntimeApi, request_id: str, body: bytes) -> int:
    connection = http.client.HTTPConnection(api.address, timeout=20)
    connection.request("POST", f"{PREFIX}invocation/{request_id}/response", body)
    return connection.getresponse().status


def test_only_its_own_process_gets_an_event(api: RuntimeApi) -> None:
    event = json.dumps({"headers": {"authorization": "Bearer a-token"}})
    with start_client(api) as own:
        api.admit(own.pid)
        api.submit(Invocation("1", "arn", event.encode(), 5))
        # This process is a stranger: it is not served, although an event waits.
        for request in (f"GET {PREFIX}invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", ""):
            with socket.create_connection(("127.0.0.1", int(api.address.rpartition(":")[2])), timeout=20) as stranger:
                try:
                    stranger.sendall(request.encode())
                    assert stranger.recv(100) == b""
                except ConnectionError:
                    continue
        out, _err = own.communicate("go\n", timeout=30)
    assert out.strip() == event


def test_stranger_cannot_answer_for_a_function(api: RuntimeApi) -> None:
    with start_client(api) as own:
        api.admit(own.pid)
        invocation = Invocation("known", "arn", b"{}", 5)
        api.submit(invocation)
        own.communicate("go\n", timeout=30)
        with pytest.raises((http.client.HTTPException, OSError)):
            answer(api, "known", b'{"isAuthorized": true}')
        assert not invocation.is_done.is_set()


def test_connection_waits_until_the_pid_is_known(api: RuntimeApi) -> None:
    with start_client(api) as own:
        threading.Timer(0.5, api.admit, (own.pid,)).start()
        api.submit(Invocation("1", "arn", b"late", 5))
        out, _err = own.communicate("go\n", timeout=30)
    assert out.strip() == "late"

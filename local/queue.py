"""The local queue: SQS's JSON protocol, as boto3 speaks it, over messages that survive a kill.

A process of its own: `python -m local.queue --data-dir DIR --port PORT`, on 127.0.0.1 unless --host says more.
"""

import argparse
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from local import processes
from local.queue_store import QueueDoesNotExist, QueueStore, StoredMessage

ACCOUNT = "000000000000"
REGION = "us-east-1"
MAX_BATCH_BYTES = 1_048_576
MAX_REQUEST_BYTES = 4 * MAX_BATCH_BYTES


class QueueError(Exception):
    """The queue cannot be started; the text is one line with the remedy."""


class Refusal(Exception):
    """A request that SQS would refuse: its error type, and a message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class RunningQueue:
    """A queue server that is up."""

    endpoint_url: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Pid of the server."""
        return self.process.pid

    def stop(self) -> None:
        """End the server; its messages stay."""
        if self.process.poll() is None:
            processes.end(psutil.Process(self.process.pid), signal.SIGTERM, 5)
        self.process.wait(5)


def start(data_dir: Path, port: int = 0) -> RunningQueue:
    """Start the server that keeps its messages under `data_dir`; a leftover of a killed run is ended first."""
    data_dir.mkdir(parents=True, exist_ok=True)
    pid_file, port_file, log_file = (data_dir / f"queue.{end}" for end in ("pid", "port", "log"))
    leftover = processes.find(pid_file.read_text()) if pid_file.is_file() else None
    if leftover is not None:
        processes.end(leftover, signal.SIGTERM, 5)
    known_port = int(port_file.read_text()) if port_file.is_file() else 0
    port = processes.free_port(port or known_port)
    port_file.write_text(str(port))
    command = [sys.executable, "-m", "local.queue", "--data-dir", str(data_dir.resolve()), "--port", str(port)]
    root = Path(__file__).resolve().parent.parent
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=root,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(root)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )
    pid_file.write_text(processes.identity(process.pid))
    endpoint_url = f"http://127.0.0.1:{port}"
    if not processes.wait_until(lambda: process.poll() is not None or _answers(endpoint_url), 15, 0.03) or process.poll():
        lines = log_file.read_text(errors="replace").splitlines()[-1:] or ["no message"]
        raise QueueError(f"the local queue did not start: {lines[0]}")
    return RunningQueue(endpoint_url, process)


def _answers(endpoint_url: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint_url, timeout=1):  # noqa: S310
            return True
    except OSError:
        return False


class Operations:
    """SQS's operations on a store; each takes and returns the JSON of its request and answer."""

    def __init__(self, store: QueueStore, endpoint_url: str) -> None:
        self._store = store
        self._endpoint_url = endpoint_url

    def call(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Run one operation by its name. Raises Refusal."""
        method: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"do_{operation}", None)
        if method is None:
            raise Refusal("InvalidAction", f"the operation {operation} is not known here")
        try:
            return method(given)
        except QueueDoesNotExist:
            raise Refusal("QueueDoesNotExist", "The specified queue does not exist.") from None
        except (KeyError, TypeError, ValueError) as error:
            raise Refusal("InvalidParameterValue", f"{type(error).__name__}: {error}") from None

    def do_CreateQueue(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.create(given["QueueName"], given.get("Attributes") or {})
        return {"QueueUrl": self._url(given["QueueName"])}

    def do_GetQueueUrl(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.attributes(given["QueueName"])
        return {"QueueUrl": self._url(given["QueueName"])}

    def do_ListQueues(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"QueueUrls": [self._url(name) for name in self._store.names(given.get("QueueNamePrefix") or "")]}

    def do_GetQueueAttributes(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _name(given)
        wanted = given.get("AttributeNames") or []
        known = {**self._store.attributes(name), "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}
        return {"Attributes": {key: value for key, value in known.items() if key in wanted or "All" in wanted}}

    def do_SetQueueAttributes(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _name(given)
        self._store.attributes(name)
        self._store.create(name, given["Attributes"])
        return {}

    def do_PurgeQueue(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.purge(_name(given))
        return {}

    def do_SendMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        _check_size([given])
        sent = self._store.send(_name(given), [_message(given)])
        return _receipt_of(sent[0], given)

    def do_SendMessageBatch(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        entries = _check_entries(given)
        _check_size(entries)
        sent = self._store.send(_name(given), [_message(entry) for entry in entries])
        successes = [
            {"Id": entry["Id"], **_receipt_of(message_id, entry)} for entry, message_id in zip(entries, sent, strict=True)
        ]
        return {"Successful": successes, "Failed": []}

    def do_ReceiveMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        most = int(given.get("MaxNumberOfMessages") or 1)
        if not 1 <= most <= 10:
            raise Refusal("InvalidParameterValue", "MaxNumberOfMessages takes 1 to 10")
        visibility = given.get("VisibilityTimeout")
        wait_s = min(20.0, float(given.get("WaitTimeSeconds") or 0))
        found = self._store.receive(_name(given), most, visibility, wait_s)
        return {"Messages": [_handed_out(message) for message in found]} if found else {}

    def do_DeleteMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.delete(_name(given), [given["ReceiptHandle"]])
        return {}

    def do_DeleteMessageBatch(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        entries = _check_entries(given)
        self._store.delete(_name(given), [entry["ReceiptHandle"] for entry in entries])
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    def do_ChangeMessageVisibility(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.change_visibility(_name(given), given["ReceiptHandle"], int(given["VisibilityTimeout"]))
        return {}

    def _url(self, name: str) -> str:
        return f"{self._endpoint_url}/{ACCOUNT}/{name}"


def _name(given: dict[str, Any]) -> str:
    return str(given["QueueUrl"]).rstrip("/").rpartition("/")[2]


def _message(given: dict[str, Any]) -> tuple[str, dict[str, Any], int | None]:
    return given["MessageBody"], given.get("MessageAttributes") or {}, given.get("DelaySeconds")


def _check_entries(given: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = given.get("Entries") or []
    if not entries:
        raise Refusal("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > 10:
        raise Refusal("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise Refusal("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
    return entries


def _check_size(entries: list[dict[str, Any]]) -> None:
    size = sum(len(entry["MessageBody"].encode()) + len(json.dumps(entry.get("MessageAttributes") or "")) for entry in entries)
    if size > MAX_BATCH_BYTES:
        raise Refusal("BatchRequestTooLong", f"The request is {size} bytes long, {MAX_BATCH_BYTES} are allowed.")


def _receipt_of(message_id: str, given: dict[str, Any]) -> dict[str, Any]:
    receipt = {"MessageId": message_id, "MD5OfMessageBody": _md5(given["MessageBody"].encode())}
    if given.get("MessageAttributes"):
        receipt["MD5OfMessageAttributes"] = md5_of_attributes(given["MessageAttributes"])
    return receipt


def _handed_out(message: StoredMessage) -> dict[str, Any]:
    out: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": _md5(message.body.encode()),
        "Attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(round(message.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(round(message.first_received_at * 1000)),
            "SenderId": ACCOUNT,
        },
    }
    if message.attributes:
        out["MessageAttributes"] = message.attributes
        out["MD5OfMessageAttributes"] = md5_of_attributes(message.attributes)
    return out


def md5_of_attributes(attributes: dict[str, Any]) -> str:
    """MD5 of text attributes, encoded as the SQS developer guide says: length-prefixed name, type, 1, value."""
    encoded = b""
    for name in sorted(attributes):
        kind, value = attributes[name]["DataType"], attributes[name]["StringValue"]
        encoded += _prefixed(name) + _prefixed(kind) + b"\x01" + _prefixed(value)
    return _md5(encoded)


def _prefixed(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">I", len(raw)) + raw


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _handler(operations: Operations) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        # Answers are small and written at once: waiting to fill a packet would only cost 40 ms.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._answer(200, {"queue": "callwatch"})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > MAX_REQUEST_BYTES:
                self.close_connection = True
                self._refuse(Refusal("RequestEntityTooLarge", "the request is too long"))
                return
            raw = self.rfile.read(length)
            operation = (self.headers.get("x-amz-target") or "").rpartition(".")[2]
            try:
                self._answer(200, operations.call(operation, json.loads(raw or b"{}")))
            except Refusal as refusal:
                self._refuse(refusal)
            except ValueError:
                self._refuse(Refusal("MalformedInput", "the request is not JSON"))

        def _refuse(self, refusal: Refusal) -> None:
            body = {"__type": f"com.amazonaws.sqs#{refusal.kind}", "message": str(refusal)}
            self._answer(400, body)

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
            self.wfile.flush()

        def log_message(self, *_args: Any) -> None:
            """One line for each of thousands of requests would tell nobody anything."""

    return Handler


def _queues_of(template: Path) -> dict[str, dict[str, str]]:
    # SAM's translator is loaded by whoever asks for it: `make run` makes its queues itself, and starts faster so.
    from local.template import load

    return {name: dict(attributes) for name, attributes in load(template, {}, {}).queues.items()}


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="queue", description="SQS's protocol over SQLite, for one machine.")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that keeps the messages")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; it asks nobody for a key (default: %(default)s)"
    )
    parser.add_argument("--template", type=Path, help="make the queues of this SAM template")
    args = parser.parse_args()
    args.data_dir.mkdir(parents=True, exist_ok=True)
    store = QueueStore(args.data_dir / "queue.sqlite3")
    for name, attributes in (_queues_of(args.template) if args.template else {}).items():
        store.create(name, attributes)
    operations = Operations(store, f"http://{args.host}:{args.port}")
    server = ThreadingHTTPServer((args.host, args.port), _handler(operations))
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

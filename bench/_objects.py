"""An S3 that is asked over HTTP, for one benchmark: MiniStack in a process of its own."""

import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import boto3

from callwatch import file_store
from local.processes import find_free_port

_PROGRAM = Path(__file__).resolve().parents[1] / ".venv-ministack" / "bin" / "ministack"
_BUCKET = "payloads"
_START_TIMEOUT_S = 60


@contextmanager
def bucket_over_http() -> Iterator[str]:
    """Yield the address of a prefix in a bucket; the clients of S3 use it meanwhile."""
    port = find_free_port()
    endpoint = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with tempfile.TemporaryDirectory() as folder:
        environ = {"PATH": os.environ["PATH"], "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "TMPDIR": folder, **keys}
        process = subprocess.Popen(
            [str(_PROGRAM)], cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(process, f"{endpoint}/_ministack/health")
            with patch.dict(os.environ, {**keys, "AWS_ENDPOINT_URL_S3": endpoint}):
                file_store._make_client.cache_clear()
                boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=_BUCKET)
                yield f"s3://{_BUCKET}/errors"
        finally:
            file_store._make_client.cache_clear()
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(15)


def count_bytes(url: str) -> int:
    """Return the bytes of all objects under an address."""
    bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(entry.get("Size", 0) for page in pages for entry in page.get("Contents", []))


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        assert process.poll() is None, "MiniStack ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, "MiniStack did not start"
            time.sleep(0.1)

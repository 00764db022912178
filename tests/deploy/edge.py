"""CloudFront's part of a deployment, which MiniStack does not serve: one domain for the page's bucket and the API."""

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.exceptions import ClientError

from tests.deploy.ministack import Cloud, fetch_raw

# The pattern of the template's function PageRewrite, which tests/deploy/test_security.py runs itself.
_PAGE = re.compile(r"^/(admin(/operations)?/?)?$")
_FORWARDED = ("authorization", "content-type", "accept")


@contextlib.contextmanager
def serve_edge(cloud: Cloud) -> Iterator[str]:
    """Serve the deployed page and API under one address, and yield it."""
    bucket, s3 = cloud.outputs()["PageBucketName"], cloud.client("s3")
    host = f"{cloud.resource('Api')}.execute-api.localhost:{cloud.port}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/"):
                given = {name: self.headers[name] for name in _FORWARDED if self.headers[name]}
                status, content, headers = fetch_raw(
                    cloud.endpoint + self.path, "GET", None, {**given, "host": host}, cloud.certificate
                )
                self._send(status, content, headers.get("content-type", "application/json"))
                return
            key = "admin/index.html" if _PAGE.match(path) else path.lstrip("/")
            try:
                found = s3.get_object(Bucket=bucket, Key=key)
            except ClientError:
                self._send(404, b"", "text/plain")
                return
            self._send(200, found["Body"].read(), found["ContentType"])

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

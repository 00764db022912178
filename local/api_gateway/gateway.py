"""The local API Gateway: the template's routes, authorizer, throttling and CORS, payload 2.0, and the static page."""

import contextlib
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from callwatch.runtime.caller_limits import Limit, TokenBucket
from local.api_gateway.framing import FramingError, read_body
from local.api_gateway.payload import Answer, Call, build_answer, build_authorizer_event, build_event, build_gateway_answer
from local.api_gateway.static_site import Page
from local.api_gateway.template import Route, Template
from local.lambda_runtime.workers import FunctionFailed, FunctionTimedOut, Workers

# API Gateway quotas: 10 MB per request, 30 s per integration.
MAX_BODY_BYTES = 10 * 1024 * 1024
_MOST_DISCARDED_BYTES = 64 * 1024 * 1024
INTEGRATION_TIMEOUT_S = 30.0
# Lambda quotas: the event of one invocation; base64 makes its body a third longer.
MAX_EVENT_BYTES = 6 * 1024 * 1024 + 100


class RouteThrottle:
    """The throttle of one route, shared by all its callers."""

    def __init__(self, route: Route) -> None:
        self._bucket = TokenBucket(Limit(route.rate, route.burst), time.monotonic())
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Return whether one more request may pass now."""
        with self._lock:
            return self._bucket.take(time.monotonic()) == 0


class Router:
    """Finds the route of a path as API Gateway does: exact segments before variables, variables before greedy ones."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: _rank_path(route.path))
        self._patterns = [(route, re.compile(_build_pattern(route.path))) for route in self._routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route and its path parameters."""
        for route, pattern in self._patterns:
            match = pattern.fullmatch(path)
            if match and route.method == method:
                return route, match.groupdict()
        return None


class Gateway:
    """Answers calls; the workers' `invoke` is the integration."""

    def __init__(self, template: Template, workers: Workers, page: Page) -> None:
        self._template = template
        self._workers = workers
        self._page = page
        self._router = Router(template.routes)
        self._throttles = {route.key: RouteThrottle(route) for route in template.routes}

    def answer(self, call: Call) -> Answer:
        """Return the response to one call; never raises."""
        static = self._page.answer(call.method, call.path)
        if static is not None:
            return static
        origin = dict(call.headers).get("origin")
        if call.method == "OPTIONS" and origin and self._template.cors:
            return Answer(204, self._build_cors_headers(origin, is_preflight=True), b"")
        answer = self._integrate(call)
        return Answer(answer.status, answer.headers + self._build_cors_headers(origin), answer.body)

    def _integrate(self, call: Call) -> Answer:
        found = self._router.find(call.method, call.path)
        if found is None:
            return build_gateway_answer(404, "Not Found")
        route, parameters = found
        if not self._throttles[route.key].admits():
            return build_gateway_answer(429, "Too Many Requests")
        if len(call.body) > MAX_BODY_BYTES:
            return build_gateway_answer(413, "Request Entity Too Large")
        try:
            caller = self._authorize(call, route, parameters)
            if caller is None and route.authorizer:
                return build_gateway_answer(403, "Forbidden")
            event = build_event(call, route.key, parameters, caller)
            if len(event) > MAX_EVENT_BYTES:
                return build_gateway_answer(413, "Request Entity Too Large")
            answer = build_answer(self._invoke(route.function, event))
        except FunctionFailed:
            answer = None
        except FunctionTimedOut:
            # A function that reaches its own timeout failed; after the integration timeout, no caller is waiting.
            timeout_s = self._template.functions[route.function].timeout_s
            if timeout_s > INTEGRATION_TIMEOUT_S:
                return build_gateway_answer(503, "Service Unavailable")
            answer = None
        return answer or build_gateway_answer(500, "Internal Server Error")

    def _authorize(self, call: Call, route: Route, parameters: dict[str, str]) -> dict[str, Any] | None:
        if route.authorizer is None:
            return None
        raw = self._invoke(route.authorizer, build_authorizer_event(call, route.key, parameters))
        result = json.loads(raw)
        return dict(result.get("context") or {}) if result.get("isAuthorized") is True else None

    def _invoke(self, function: str, event: bytes) -> bytes:
        """Return the function's result, waiting no longer than an integration may."""
        if self._template.functions[function].timeout_s <= INTEGRATION_TIMEOUT_S:
            return self._workers.invoke(function, event)
        outcome: list[bytes | Exception] = []

        def run() -> None:
            try:
                outcome.append(self._workers.invoke(function, event))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(INTEGRATION_TIMEOUT_S)
        if not outcome:
            raise FunctionTimedOut(function)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def _build_cors_headers(self, origin: str | None, is_preflight: bool = False) -> tuple[tuple[str, str], ...]:
        cors = self._template.cors
        allowed = cors.get("allowOrigins", [])
        if not origin or (origin not in allowed and "*" not in allowed):
            return ()
        headers = [("access-control-allow-origin", origin), ("vary", "origin")]
        if is_preflight:
            headers.append(("access-control-allow-methods", ",".join(cors.get("allowMethods", []))))
            headers.append(("access-control-allow-headers", ",".join(cors.get("allowHeaders", []))))
            headers.append(("access-control-max-age", str(cors.get("maxAge", 0))))
        elif cors.get("exposeHeaders"):
            headers.append(("access-control-expose-headers", ",".join(cors["exposeHeaders"])))
        return tuple(headers)


def claim(port: int) -> socket.socket:
    """Bind a loopback port (0: any); callers are refused until a server listens on it. Raises OSError."""
    claimed = socket.socket()
    try:
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claimed.bind(("127.0.0.1", port))
    except OSError:
        claimed.close()
        raise
    return claimed


class Server(ThreadingHTTPServer):
    """The HTTP server of a gateway, on loopback."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, gateway: Gateway, claimed: socket.socket) -> None:
        """claimed: a bound socket, which this server now listens on."""
        super().__init__(claimed.getsockname(), _build_handler(gateway), bind_and_activate=False)
        self.socket.close()
        self.socket = claimed
        self.server_name, self.server_port = "127.0.0.1", claimed.getsockname()[1]
        self.server_activate()

    def handle_error(self, *_args: Any) -> None:
        """Ignore clients that hung up."""


def _build_handler(gateway: Gateway) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class in a function
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "callwatch"
        sys_version = ""
        # The timeout for slow clients.
        timeout = 30
        disable_nagle_algorithm = True
        wbufsize = -1

        def _serve(self) -> None:
            path, _, query = self.path.partition("?")
            try:
                body = read_body(self.headers, self.rfile, self.request_version, MAX_BODY_BYTES)
            except FramingError as error:
                # The end of this request is unknown: read nothing more from the connection.
                self.close_connection = True
                self._send(build_gateway_answer(error.status, HTTPStatus(error.status).phrase))
                return
            if body is None:
                self.close_connection = True
                self._send(build_gateway_answer(413, "Request Entity Too Large"))
                self._discard()
                return
            headers = tuple((name.lower(), value) for name, value in self.headers.items())
            request_id = str(uuid.uuid4())
            call = Call(self.command, unquote(path), query, headers, body, str(self.client_address[0]), request_id)
            self._send(gateway.answer(call))

        def __getattr__(self, name: str) -> Any:
            # API Gateway answers 404 to any method without a route.
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def send_error(self, code: int, *_words: Any, **_more: Any) -> None:
            """Reject requests that the server cannot parse in the gateway's format, too."""
            self.close_connection = True
            self._send(build_gateway_answer(code, HTTPStatus(code).phrase))

        def _discard(self) -> None:
            """Read on for a while: a client that is still sending would otherwise see a broken pipe instead of its response."""
            left = _MOST_DISCARDED_BYTES
            self.connection.settimeout(1)
            with contextlib.suppress(OSError):
                while left > 0 and (piece := self.rfile.read1(65_536)):
                    left -= len(piece)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            # A response to HEAD has no body, and a length only if that of the GET is known.
            if answer.status not in (204, 304) and (answer.body or self.command != "HEAD"):
                self.send_header("content-length", str(len(answer.body)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.wfile.flush()

        def log_message(self, *_args: Any) -> None:
            """Log nothing; functions log their requests themselves."""

    return Handler


def _rank_path(path: str) -> list[int]:
    """Return a sort key: at the first difference, exact segments come before variables, variables before greedy ones."""
    return [2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in path.split("/")]


def _build_pattern(path: str) -> str:
    parts = []
    for part in path.split("/"):
        variable = re.fullmatch(r"\{(\w+)(\+?)\}", part)
        if variable:
            parts.append(f"(?P<{variable[1]}>{'.+' if variable[2] else '[^/]+'})")
        else:
            parts.append(re.escape(part))
    return "/".join(parts)

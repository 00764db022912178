"""Sends a notification by HTTP: bounded in time and size, no redirects, no private networks."""

import functools
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.retry_after import parse_retry_after, parse_retry_body
from callwatch.alerts.notifications.ssrf_guard import refuse_private
from callwatch.http_client.client import HttpResponse, RequestFailed, send_request
from callwatch.json_values import JsonValue

TIMEOUT_S = 8.0
_MAX_BODY_BYTES = 4096
_MAX_REASON = 160
# These statuses allow a retry; any other 4xx means that the same request will be rejected again ...
_TRY_AGAIN = frozenset({408, 425, 429})
# ... and these that every request will: the key, the address or the permission is missing.
_CHANNEL_WIDE = frozenset({401, 402, 403, 404, 405, 407, 410})
JSON: Mapping[str, str] = {"content-type": "application/json"}


def post_json(url: str, content: JsonValue, timeout_s: float, headers: Mapping[str, str] | None = None) -> int:
    """Send `content` as JSON. Raises DeliveryFailed, as `post` does."""
    return post(url, json.dumps(content).encode(), {**JSON, **(headers or {})}, timeout_s)


def put_json(url: str, content: JsonValue, timeout_s: float, headers: Mapping[str, str] | None = None) -> int:
    """Send `content` as JSON by PUT. Raises DeliveryFailed, as `post` does."""
    return post(url, json.dumps(content).encode(), {**JSON, **(headers or {})}, timeout_s, method="PUT")


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
    allowed_networks: Sequence[Any] | None = None,
    is_public_only: bool = False,
    method: str = "POST",
) -> int:
    """Send the request and return the status if it succeeds; does not wait for the body of a success.

    is_public_only: reject a target with an address that is not public, unless a network in allowed_networks contains it.
    Raises DeliveryFailed. The whole exchange, DNS included, ends by the timeout.
    """
    # The import takes 160 ms, and only the first notification of a process pays for it.
    from callwatch.http_client.requests_exchange import exchange_by_requests

    guard = functools.partial(refuse_private, allowed=allowed_networks or ()) if is_public_only else None
    try:
        response = send_request(
            method,
            url,
            headers,
            body,
            timeout_s,
            guard=guard,
            reads_body=_is_refusal,
            max_body_bytes=_MAX_BODY_BYTES,
            exchange=exchange_by_requests,
        )
    except RequestFailed as error:
        if error.reason == "timeout":
            raise DeliveryFailed(f"no response within {timeout_s:.2g} s") from None
        raise DeliveryFailed(f"the receiver cannot be reached ({error.detail or error.reason})") from None
    except ValueError as error:
        # A header that HTTP cannot carry; the error's text may quote a key.
        raise DeliveryFailed(f"the request cannot be sent ({type(error).__name__})") from None
    return _check_response(response)


def _is_refusal(status: int) -> bool:
    return not 200 <= status < 300


def _check_response(response: HttpResponse) -> int:
    status = response.status
    if 200 <= status < 300:
        return status
    content = _read_content(response.headers.get("content-type") or "", response.body)
    reason = _extract_reason(content)
    said = f"the receiver responded with {status}" + (f": {reason}" if reason else "")
    if 300 <= status < 400:
        raise DeliveryFailed(f"the receiver responded with {status}; redirects are not followed", True, is_channel_wide=True)
    is_permanent = 400 <= status < 500 and status not in _TRY_AGAIN
    asked_s = parse_retry_after(status, response.headers, time.time())
    retry_after_s = None if is_permanent else parse_retry_body(content, status) if asked_s is None else asked_s
    raise DeliveryFailed(said, is_permanent, retry_after_s, is_channel_wide=status in _CHANNEL_WIDE)


def _read_content(content_type: str, raw: bytes) -> Any:
    """Read the body of a rejection: JSON, or a short text like Slack's."""
    text = raw.decode(errors="replace").strip()
    if "json" not in content_type:
        return text if content_type.startswith("text/plain") else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _extract_reason(content: Any) -> str:
    """Extract the reason of a rejection: SendGrid's errors, Telegram's description, or a text in itself, like Alertmanager's."""
    names = ("errors", "message", "error", "description")
    found = next((content[name] for name in names if content.get(name)), None) if isinstance(content, dict) else content
    errors = found if isinstance(found, list) else [found]
    said = [error.get("message") if isinstance(error, dict) else error for error in errors]
    return "; ".join(one for one in said if isinstance(one, str))[:_MAX_REASON]

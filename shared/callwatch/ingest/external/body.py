"""The body of a webhook as data, whatever type it declares: SNS sends JSON as text/plain."""

from typing import Any

from callwatch.api.http import Request
from callwatch.exceptions import Invalid, TooLarge, Unreadable
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.hostile_json import load_hostile

MAX_BODY_BYTES = 1024 * 1024


def load_body(request: Request) -> Any:
    """The body as data. Raises Unreadable if it is not JSON, TooLarge above MAX_BODY_BYTES, and what decoding raises."""
    body = decode(request.body, request.headers.get("content-encoding", ""))
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is longer than {MAX_BODY_BYTES} bytes: send fewer alerts at once")
    try:
        return load_hostile(body)[0]
    except ValueError:
        raise Unreadable("the body is not valid JSON") from None


def load_text(text: str) -> Any:
    """The JSON in the message of a notification. Raises Invalid."""
    try:
        return load_hostile(text.encode("utf-8", "surrogatepass"))[0]
    except ValueError:
        raise Invalid("Message", "must be the JSON of an alarm or of an event") from None

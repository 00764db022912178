"""Names the SDK that sent a request: as the client itself, its envelope or its event says."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.api.http import Request
from callwatch.models.ingest_outcome import UNKNOWN_SDK, name_sdk

_CLIENT = re.compile(r"sentry_client\s{0,9}=\s{0,9}([^,\s]{1,100})")
# raven-go names itself nowhere else. Other user agents are browsers, or libraries that send for an SDK.
_USER_AGENT = re.compile(r"(?:raven|sentry)[\w.-]{0,40}/[\w.-]{1,30}")
_MAX_HEADER_CHARS = 4_000


def find_sdk(request: Request, headers: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = ()) -> str:
    """The name of the SDK as name/version.

    What the client says of itself comes first: it is the same for all that it sends, while events name the framework.
    """
    for name in ("x-sentry-auth", "authorization"):
        match = _CLIENT.search(request.headers.get(name, "")[:_MAX_HEADER_CHARS])
        if match and (found := name_sdk(match[1])):
            return found
    agent = _USER_AGENT.match(request.headers.get("user-agent", "")[:_MAX_HEADER_CHARS])
    in_body = (headers.get("sdk"), *(event.get("sdk") for event in events))
    given = (request.query.get("sentry_client"), *in_body, agent[0] if agent else None)
    return next((found for each in given if (found := name_sdk(each))), UNKNOWN_SDK)


def find_exporter(request: Request) -> str:
    """The name of an exporter of OTLP, which names itself in its user agent alone."""
    return name_sdk(request.headers.get("user-agent", "").partition(" ")[0]) or UNKNOWN_SDK

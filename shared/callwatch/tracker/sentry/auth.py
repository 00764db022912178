"""The key of a DSN: in the X-Sentry-Auth header, the query, or the envelope's own header."""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from callwatch.http import HttpError, Request


def key_of(request: Request, envelope_headers: Mapping[str, Any] | None = None) -> str:
    """The key that was given, or an empty text."""
    for name in ("x-sentry-auth", "authorization"):
        match = re.search(r"sentry_key\s*=\s*([0-9a-fA-F]{1,64})", request.headers.get(name, ""))
        if match:
            return match[1]
    if request.query.get("sentry_key"):
        return request.query["sentry_key"]
    dsn = (envelope_headers or {}).get("dsn")
    if isinstance(dsn, str):
        try:
            return urlsplit(dsn).username or ""
        except ValueError:
            return ""
    return ""


def project_of(request: Request, key: str, known: Mapping[int, Sequence[str]]) -> int:
    """The project of the path, where the key is one of its keys. Raises HttpError 401 or 403.

    Every known key is compared, in constant time.
    """
    if not key:
        raise _refusal(401, "unauthorized", "send the DSN's key as sentry_key in X-Sentry-Auth, or in the query")
    raw = request.path_parameters.get("project", "")
    project_id = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else -1
    belongs = is_known = False
    for owner, keys in known.items():
        for candidate in keys:
            if hmac.compare_digest(key.encode(), candidate.encode()):
                is_known = True
                belongs = belongs or owner == project_id
    if not is_known:
        raise _refusal(401, "unauthorized", "the DSN's key is not known")
    if not belongs:
        raise _refusal(403, "forbidden", "the DSN's key belongs to another project")
    return project_id


def _refusal(status: int, code: str, message: str) -> HttpError:
    return HttpError(status, code, message, {"x-sentry-error": message})

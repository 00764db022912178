"""Decides who may send an envelope or OTLP before its body is decoded: by the DSN's key, then by rate.

1. The key is compared first, so that a flood without a valid key costs callers with one nothing.
2. Callers without a valid key get 401 or 403, and 429 once their address or their key has failed too often.
   They are counted here and in the log; nothing of theirs is stored.
3. Callers with a valid key are limited by key and address together, then by key: one address cannot use up the limit
   of all others that send with the same public key.

The authorizer does the same for callers with tokens (callwatch.runtime.caller_limits).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from callwatch.api.http import Request
from callwatch.exceptions import Forbidden, MethodNotAllowed, NotFound, RequestRefused, TooManyRequests, Unauthenticated
from callwatch.ingest.otlp.paths import PATHS as OTLP_PATHS
from callwatch.ingest.sentry.auth import authenticate, find_key, find_owner
from callwatch.ingest.sentry.rate_limits import limit_all
from callwatch.runtime.caller_limits import LIMITS, CallerLimits, Limit, read_network
from callwatch.runtime.cors import find_ingest_origins
from callwatch.runtime.refusals import refusals
from callwatch.settings import get_settings

# Returns the given number of first bytes of the body, without decoding the rest.
ReadStart = Callable[[int], bytes]

# One address with one key: more ordinary events than one environment can serve, which is at most 200 a second.
PER_ADDRESS = Limit(rate=500, burst=1_000)
# One invalid key from any address: far more than a misconfigured application sends.
PER_BAD_KEY = Limit(rate=20, burst=200)
_HANDSHAKE_BYTES = 100
_PATHS = ("envelope", "store", *OTLP_PATHS)


class Admission:
    """The limits of one execution environment, and the number of rejected requests by reason."""

    def __init__(self) -> None:
        self._per_address = CallerLimits({**LIMITS, "ingest": PER_ADDRESS})
        self._per_key = CallerLimits()
        self._bad_keys = CallerLimits({**LIMITS, "ingest": PER_BAD_KEY})
        self.refused: Counter[str] = Counter()

    def admit_dsn(self, request: Request, read_start: ReadStart) -> Request:
        """Return the request with the project of its DSN key.

        Raises Unauthenticated, Forbidden, NotFound, MethodNotAllowed, UnsupportedType, TooManyRequests.
        """
        key = ""
        try:
            _check_path(request)
            key = find_key(request, read_start)
            project_id = authenticate(key, request.path_parameters.get("project", ""), get_settings().ingest_keys or {})
        except RequestRefused as error:
            raise self._refuse(error, request, key) from None
        self._check_origin(request)
        return self._admit(request, project_id)

    def _check_origin(self, request: Request) -> None:
        """Raise Forbidden for a page whose origin may not send with the key; programs name no origin."""
        listed = find_ingest_origins(request)
        origin = request.headers.get("origin")
        if listed is None or origin is None or origin in listed:
            return
        self.refused["origin"] += 1
        refusals.add("dsn_key")
        message = "pages of this origin may not send with the DSN's key: INGEST_ORIGINS names those of the project that may"
        raise Forbidden(message, headers={"x-sentry-error": message})

    def admit_check_in(self, request: Request, _read_start: ReadStart) -> Request:
        """The same for a check-in, whose key stands in its address; raises the same."""
        # Imported where it is used: the Sentry protocol's function does not need it.
        from callwatch.ingest.check_in_urls import read_address

        key = ""
        try:
            address = read_address(request)
            key = address.key
            known = get_settings().ingest_keys or {}
            project_id = find_owner(key, known) if address.project is None else authenticate(key, address.project, known)
        except RequestRefused as error:
            raise self._refuse(error, request, key) from None
        return self._admit(request, project_id)

    def admit_drain(self, request: Request, read_start: ReadStart) -> Request:
        """The same for Vercel's log drain, whose body is signed; a handshake alone passes without a project."""
        from callwatch.ingest.crashes.vercel import MAX_BODY_BYTES, find_code, verify_signature

        settings = get_settings()
        try:
            project_id = verify_signature(request, read_start(MAX_BODY_BYTES), settings.vercel_log_secret or {})
        except Unauthenticated as error:
            if find_code(request, settings.vercel_verify) is None:
                raise self._refuse(error, request, "") from None
            if read_start(_HANDSHAKE_BYTES).strip() not in (b"", b"{}", b"[]"):
                # Unsigned lines of a drain look like a handshake. Both get 200; the lines are not read, so they are counted.
                self.refused["unsigned"] += 1
                refusals.add("dsn_key")
            return request
        except RequestRefused as error:
            raise self._refuse(error, request, "") from None
        return self._admit(request, project_id)

    def admit_vendor(self, request: Request, read_start: ReadStart) -> Request:
        """Admit a vendor's request about our messages by its signature or token; raises the same, and TooLarge."""
        from callwatch.alerts.taking.vendors import MAX_BODY_BYTES, verify

        try:
            verify(request, read_start(MAX_BODY_BYTES + 1), get_settings(), datetime.now(UTC))
        except RequestRefused as error:
            raise self._refuse(error, request, "") from None
        return request

    def _admit(self, request: Request, project_id: int) -> Request:
        actor = f"project:{project_id}"
        network = read_network(request.source_ip)
        wait_s = self._per_address.take("ingest", f"{actor} {network}") or self._per_key.take("ingest", actor)
        if wait_s:
            self.refused["rate"] += 1
            refusals.add("dsn_rate")
            raise _build_too_many("too many requests with this key, from this address or in total", wait_s)
        return replace(request, role="ingest", actor=actor)

    def _refuse(self, error: RequestRefused, request: Request, key: str) -> RequestRefused:
        self.refused[error.code] += 1
        wait_s = self._bad_keys.take("anonymous", request.source_ip)
        if key and not wait_s:
            wait_s = self._bad_keys.take("ingest", key)
        refusals.add("dsn_rate" if wait_s else "dsn_key")
        return _build_too_many("too many requests without a valid key", wait_s) if wait_s else error


def is_ingest_path(proxy: str) -> bool:
    """Whether a path below /api/<project>/ takes envelopes, events or OTLP, with or without its last slash."""
    return proxy.rstrip("/") in _PATHS


def _check_path(request: Request) -> None:
    if not is_ingest_path(request.path_parameters.get("proxy", "")):
        # Loaded where it is used: nobody else asks for the methods of a path.
        from callwatch.api.methods import list_methods

        methods = list_methods(request.path)
        if methods and request.method not in methods:
            raise MethodNotAllowed(", ".join(methods))
        raise NotFound(f"these are served below /api/<project>/: {', '.join(_PATHS)}")


def _build_too_many(why: str, wait_s: int) -> TooManyRequests:
    # A 429 that names no category mutes an SDK for all categories.
    return TooManyRequests(f"{why}; send again in {wait_s} s", headers=limit_all(wait_s))


admission = Admission()

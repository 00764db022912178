"""Severity and category of an error: by its type and codes first, by its words last.

Types are known by the names of their classes, so that no library is imported just to ask.
"""

import functools
import re
from collections.abc import Iterator

from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.tracker.mend import text_of

Verdict = tuple[ErrorSeverity, ErrorCategory]

_S, _C = ErrorSeverity, ErrorCategory
_UNKNOWN: Verdict = (_S.MEDIUM, _C.UNKNOWN)

# SQLSTATE classes, PostgreSQL manual, appendix A.
_BY_SQLSTATE_CLASS: dict[str, Verdict] = {
    "08": (_S.CRITICAL, _C.DATABASE),
    "22": (_S.MEDIUM, _C.VALIDATION),
    "23": (_S.MEDIUM, _C.VALIDATION),
    "28": (_S.CRITICAL, _C.AUTHENTICATION),
    "40": (_S.MEDIUM, _C.DATABASE),
    "42": (_S.HIGH, _C.DATABASE),
    "53": (_S.CRITICAL, _C.DATABASE),
    "57": (_S.HIGH, _C.DATABASE),
    "58": (_S.CRITICAL, _C.DATABASE),
    "XX": (_S.CRITICAL, _C.DATABASE),
}

# Full class names along the type's ancestry; the nearest one known decides.
_BY_CLASS: dict[str, Verdict] = {
    "psycopg2.OperationalError": (_S.CRITICAL, _C.DATABASE),
    "psycopg2.InterfaceError": (_S.HIGH, _C.DATABASE),
    "psycopg2.IntegrityError": (_S.MEDIUM, _C.VALIDATION),
    "psycopg2.DataError": (_S.MEDIUM, _C.VALIDATION),
    "psycopg2.Error": (_S.HIGH, _C.DATABASE),
    "callwatch.exceptions.DatabaseUnavailable": (_S.CRITICAL, _C.DATABASE),
    "callwatch.exceptions.QueueUnavailable": (_S.HIGH, _C.INTEGRATION),
    "callwatch.exceptions.ConfigurationError": (_S.CRITICAL, _C.SYSTEM),
    "requests.exceptions.Timeout": (_S.HIGH, _C.INTEGRATION),
    "requests.exceptions.ConnectionError": (_S.HIGH, _C.INTEGRATION),
    "requests.exceptions.RequestException": (_S.MEDIUM, _C.INTEGRATION),
    "urllib3.exceptions.HTTPError": (_S.HIGH, _C.INTEGRATION),
    "urllib.error.URLError": (_S.HIGH, _C.INTEGRATION),
    "http.client.HTTPException": (_S.HIGH, _C.INTEGRATION),
    "botocore.exceptions.ClientError": (_S.HIGH, _C.INTEGRATION),
    "botocore.exceptions.BotoCoreError": (_S.HIGH, _C.INTEGRATION),
    "pydantic_core._pydantic_core.ValidationError": (_S.LOW, _C.VALIDATION),
    "json.decoder.JSONDecodeError": (_S.LOW, _C.VALIDATION),
    "builtins.PermissionError": (_S.HIGH, _C.AUTHENTICATION),
    "builtins.MemoryError": (_S.CRITICAL, _C.SYSTEM),
    "builtins.RecursionError": (_S.HIGH, _C.SYSTEM),
    "builtins.TimeoutError": (_S.HIGH, _C.INTEGRATION),
    "builtins.ConnectionError": (_S.HIGH, _C.INTEGRATION),
    "builtins.OSError": (_S.HIGH, _C.SYSTEM),
    "builtins.ImportError": (_S.CRITICAL, _C.SYSTEM),
    "builtins.SystemError": (_S.CRITICAL, _C.SYSTEM),
    "builtins.UnicodeError": (_S.LOW, _C.VALIDATION),
    "builtins.ValueError": (_S.MEDIUM, _C.VALIDATION),
    "builtins.TypeError": (_S.MEDIUM, _C.SYSTEM),
    "builtins.LookupError": (_S.MEDIUM, _C.SYSTEM),
    "builtins.AttributeError": (_S.MEDIUM, _C.SYSTEM),
    "builtins.AssertionError": (_S.MEDIUM, _C.SYSTEM),
    "builtins.ArithmeticError": (_S.MEDIUM, _C.SYSTEM),
}

# Types of other languages and libraries, by the name alone; and errors of psycopg2 by their SQLSTATE's class.
_BY_NAME: dict[str, Verdict] = {
    **dict.fromkeys(
        ["DatabaseError", "PostgresError", "QueryFailedError", "SequelizeDatabaseError", "PrismaClientKnownRequestError"],
        (_S.HIGH, _C.DATABASE),
    ),
    **dict.fromkeys(["AxiosError", "FetchError", "HTTPStatusError", "ConnectTimeout", "ReadTimeout"], (_S.HIGH, _C.INTEGRATION)),
    **dict.fromkeys(["ValidationError", "ZodError", "RangeError", "URIError"], (_S.LOW, _C.VALIDATION)),
    **dict.fromkeys(
        ["UnauthorizedError", "ForbiddenError", "AuthenticationError", "JsonWebTokenError", "TokenExpiredError"],
        (_S.HIGH, _C.AUTHENTICATION),
    ),
    **dict.fromkeys(["ReferenceError", "SyntaxError", "InternalError"], (_S.MEDIUM, _C.SYSTEM)),
    **{
        name: _BY_SQLSTATE_CLASS[sqlstate_class]
        for sqlstate_class, names in (
            ("22", "InvalidTextRepresentation NumericValueOutOfRange StringDataRightTruncation InvalidDatetimeFormat"),
            ("23", "UniqueViolation ForeignKeyViolation NotNullViolation CheckViolation ExclusionViolation"),
            ("40", "DeadlockDetected SerializationFailure"),
            ("42", "UndefinedTable UndefinedColumn UndefinedFunction InsufficientPrivilege DatatypeMismatch"),
            ("53", "TooManyConnections DiskFull OutOfMemory"),
            ("57", "QueryCanceled AdminShutdown CannotConnectNow"),
        )
        for name in names.split()
    },
}

_WORDS: tuple[tuple[re.Pattern[str], Verdict], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), verdict)
    for pattern, verdict in (
        (r"out of memory|heap out|segmentation fault|no space left", (_S.CRITICAL, _C.SYSTEM)),
        (r"connection (refused|terminated)|too many (clients|connections)|deadlock", (_S.HIGH, _C.DATABASE)),
        (r"\b(sql|postgres|database|relation|column|constraint|query)\b", (_S.HIGH, _C.DATABASE)),
        (
            r"unauthori[sz]ed|forbidden|invalid token|api key|authenticat|permission denied",
            (_S.HIGH, _C.AUTHENTICATION),
        ),
        (r"quota|rate.?limit|too many requests|deepgram|openai|convoso|sendgrid", (_S.HIGH, _C.INTEGRATION)),
        (r"timed? ?out|econn|socket hang up|unreachable|bad gateway", (_S.HIGH, _C.INTEGRATION)),
        (r"\binvalid\b|validation|required|malformed|unexpected token|must be", (_S.MEDIUM, _C.VALIDATION)),
        (r"\b(endpoint|route|status code|http|request|response|[45]\d\d)\b", (_S.MEDIUM, _C.API)),
    )
)


def classify(error: BaseException) -> Verdict:
    """Severity and category of an exception, its causes included: the first that is known decides."""
    for link in _chain(error):
        verdict = _by_codes(link) or _by_type(link)
        if verdict:
            return verdict
    return classify_words(type(error).__name__, text_of(error))


def classify_words(type_name: str | None, message: str) -> Verdict:
    """Severity and category of an error known by its words alone: a SQLSTATE, a type's name, then the text."""
    text = f"{type_name or ''} {message[:2000]}"
    sqlstate = re.search(r"SQLSTATE[ \[:=]*([0-9A-Z]{5})\b", text)
    if sqlstate and sqlstate[1][:2] in _BY_SQLSTATE_CLASS:
        return _BY_SQLSTATE_CLASS[sqlstate[1][:2]]
    known = _by_name(type_name or "")
    if known:
        return known
    for pattern, verdict in _WORDS:
        if pattern.search(text):
            return verdict
    return _UNKNOWN


@functools.lru_cache(maxsize=1024)
def _by_name(type_name: str) -> Verdict | None:
    """By the full name of a class, else by its last part; "Error" alone is the name of nearly everything."""
    short = type_name.rpartition(".")[2]
    if type_name in _BY_CLASS or short in ("", "Error"):
        return _BY_CLASS.get(type_name)
    by_class = next((verdict for name, verdict in _BY_CLASS.items() if name.rpartition(".")[2] == short), None)
    return _BY_NAME.get(short) or by_class


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(seen) < 10:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _by_codes(error: BaseException) -> Verdict | None:
    sqlstate = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) and sqlstate[:2] in _BY_SQLSTATE_CLASS:
        return _BY_SQLSTATE_CLASS[sqlstate[:2]]
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status_code", None)
    return _by_status(status) if isinstance(status, int) else None


def _by_status(status: int) -> Verdict | None:
    if status in (401, 403):
        return _S.HIGH, _C.AUTHENTICATION
    if status in (402, 429):
        return _S.HIGH, _C.INTEGRATION
    if status >= 500:
        return _S.HIGH, _C.API
    return (_S.MEDIUM, _C.API) if status >= 400 else None


def _by_type(error: BaseException) -> Verdict | None:
    for ancestor in type(error).__mro__:
        verdict = _BY_CLASS.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if verdict:
            return verdict
    return None

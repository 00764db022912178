"""Severity and category of an error: from its codes and type first, from its words last.

Types are recognized by the names of their classes, so that no library is imported for it.
"""

import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any

from callwatch.grouping import verdicts, words
from callwatch.grouping.frames import walk_exceptions
from callwatch.grouping.sqlstate import find_sqlstate
from callwatch.grouping.verdicts import UNKNOWN, Verdict
from callwatch.grouping.words import find_by_words
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.scrubbing.sanitize import render_text

_MAX_CHARS = 2_000
# Of names of classes in Python and Java, Ruby, and PHP.
_SEPARATOR = re.compile(r"\.|::|\\")
_MAX_CAUSES = 10
# SQLAlchemy and Django write the driver's class in front of its text.
_WRAPPED = re.compile(r"\(([A-Za-z_][\w.]{2,100})\) ")
_STATUS = re.compile(
    r"(?:status(?: ?code)?|error code|http(?:/[\d.]{1,3})?(?: error)?|api error|responded with)[ :=(]{1,3}(?:of )?([45]\d\d)\b"
    r"|^([45]\d\d):? (?=[A-Z{\"(])|\b([45]\d\d) (?:client|server) error\b",
    re.IGNORECASE,
)
_HAS_STATUS = re.compile(r"[45]\d\d")
_AWS = re.compile(r"An error occurred \(([A-Za-z.]{2,80})\) when calling")
_PRISMA = re.compile(r"\bP[12]\d{3}\b")
_STATUS_KEYS = ("status_code", "statusCode", "status", "http_status", "httpStatus", "httpStatusCode")
_CODE_KEYS = ("code", "errno", "error_code", "errorCode")


def classify(error: BaseException) -> Verdict:
    """Severity and category of an exception, including its causes and members: the first known one decides."""
    for link, _parent in itertools.islice(walk_exceptions(error), _MAX_CAUSES):
        verdict = _classify_by_attributes(link) or _classify_by_ancestry(link)
        if verdict:
            return verdict
    return classify_words(type(error).__name__, render_text(error))


def classify_words(type_name: str | None, message: str) -> Verdict:
    """Severity and category of an error of which only words are known: a SQLSTATE, a type's name, then the text."""
    return classify_event({"type": type_name, "message": message})


def classify_event(event: Mapping[str, Any]) -> Verdict:
    """Severity and category of an event before it is completed: message, type, exceptions (with their modules) and context.

    If nothing about the outermost exception is known, the nearest known cause decides.
    """
    message = str(event.get("message") or "")[:_MAX_CHARS]
    links = [link for link in event.get("exceptions") or [] if isinstance(link, dict)]
    last = links[-1] if links else {}
    codes = _find_codes(event.get("context"))
    verdict = _classify_by_sqlstate(find_sqlstate(event)) or _classify_by_prisma(message, codes)
    verdict = verdict or _classify_by_text(_build_full_name(last.get("module"), event.get("type")), message, codes)
    if verdict:
        return verdict
    for link in links[-2 : -2 - _MAX_CAUSES : -1]:
        text = str(link.get("value") or "")[:_MAX_CHARS]
        named = {"type": link.get("type"), "message": text}
        verdict = _classify_by_sqlstate(find_sqlstate(named)) or _classify_by_text(
            _build_full_name(link.get("module"), link.get("type")), text, {}
        )
        if verdict:
            return verdict
    return find_by_words(words.WEAK, f"{event.get('type') or ''} {message}") or UNKNOWN


def _classify_by_text(name: str, message: str, codes: Mapping[str, Any]) -> Verdict | None:
    """By strong words, a code of a vendor, a status, and the type's name."""
    wrapped = _WRAPPED.match(message)
    strong = find_by_words(words.STRONG, message)
    if strong:
        return strong
    if wrapped and (known := _classify_by_name(wrapped[1])):
        return known
    aws = _AWS.search(message) if "error occurred (" in message else None
    if aws:
        return find_by_words(words.AWS, aws[1])
    known = _classify_by_name(name)
    status = codes.get("status") or _find_status(message)
    by_status = _classify_by_status(status, known is not None and known[1] is ErrorCategory.INTEGRATION) if status else None
    # A status of a database behind HTTP says nothing about an endpoint.
    return known if known and known[1] is ErrorCategory.DATABASE else by_status or known


def _build_full_name(module: Any, kind: Any) -> str:
    return f"{module}.{kind}" if module and kind else str(kind or "")


@functools.lru_cache(maxsize=1024)
def _classify_by_name(type_name: str) -> Verdict | None:
    """By the full name of a class, else by its last part; "Error" alone is the name of nearly everything."""
    short = _SEPARATOR.split(type_name)[-1]
    if type_name != short and type_name in verdicts.BY_NAME:
        return verdicts.BY_NAME[type_name]
    if type_name in verdicts.BY_CLASS or short in ("", "Error", "error"):
        return verdicts.BY_CLASS.get(type_name)
    if type_name in verdicts.BY_NAME or short in verdicts.BY_NAME:
        return verdicts.BY_NAME.get(type_name) or verdicts.BY_NAME[short]
    by_class = (verdict for name, verdict in verdicts.BY_CLASS.items() if name.rpartition(".")[2] == short)
    return next(by_class, None)


def _classify_by_sqlstate(code: str | None) -> Verdict | None:
    if not code:
        return None
    return verdicts.BY_SQLSTATE.get(code) or verdicts.BY_SQLSTATE_CLASS.get(code[:2])


def _classify_by_prisma(message: str, codes: Mapping[str, Any]) -> Verdict | None:
    given = codes.get("code")
    code = given if isinstance(given, str) and _PRISMA.fullmatch(given) else None
    found = _PRISMA.search(message) if code is None and "P" in message else None
    return verdicts.BY_PRISMA.get(code or (found[0] if found else ""))


def _find_codes(context: Any) -> dict[str, Any]:
    """The HTTP status and the code of an error, where its client put them: in the context, at most three levels deep."""
    found: dict[str, Any] = {}
    _collect_codes(context, 0, found)
    return found


def _collect_codes(value: Any, depth: int, found: dict[str, Any]) -> None:
    if not isinstance(value, dict) or depth > 3:
        return
    for name in _STATUS_KEYS:
        status = value.get(name)
        number = int(status) if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3 else status
        if isinstance(number, int) and not isinstance(number, bool) and 400 <= number <= 599:
            found.setdefault("status", number)
    for name in _CODE_KEYS:
        if isinstance(value.get(name), str):
            found.setdefault("code", value[name])
    for item in value.values():
        _collect_codes(item, depth + 1, found)


def _find_status(message: str) -> int | None:
    match = _STATUS.search(message) if _HAS_STATUS.search(message) else None
    return int(next(filter(None, match.groups()))) if match else None


def _classify_by_attributes(error: BaseException) -> Verdict | None:
    sqlstate = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    verdict = _classify_by_sqlstate(sqlstate) if isinstance(sqlstate, str) else None
    if verdict:
        return verdict
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status_code", None)
    return _classify_by_status(status, True) if isinstance(status, int) else None


def _classify_by_status(status: int, is_vendor: bool) -> Verdict | None:
    """By the status of a response; is_vendor: a client of another service raised the error, not our own endpoint."""
    if status in (401, 403):
        return verdicts.NO_ACCESS
    if status in (402, 429):
        return verdicts.VENDOR_FAILS
    category = ErrorCategory.INTEGRATION if is_vendor else ErrorCategory.API
    if status >= 500:
        return ErrorSeverity.HIGH, category
    return (ErrorSeverity.MEDIUM, category) if status >= 400 else None


def _classify_by_ancestry(error: BaseException) -> Verdict | None:
    for ancestor in type(error).__mro__:
        name = f"{ancestor.__module__}.{ancestor.__qualname__}"
        verdict = verdicts.BY_CLASS.get(name)
        # What is left of a class hierarchy is Exception, and a class by its mere name says more than OSError.
        if verdict:
            return find_by_words(words.STRONG, render_text(error)) or verdict
    return None

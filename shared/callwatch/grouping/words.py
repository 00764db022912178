"""What the words of a message say about severity and category: a table of texts, and of expressions behind a text.

Each text is searched for unchanged, in small letters. An expression is tried only where the text before it occurs: that
makes the search of a long message a hundred times cheaper than the expressions alone.
"""

import functools
import re
from dataclasses import dataclass

from callwatch.grouping import verdicts
from callwatch.grouping.verdicts import Verdict
from callwatch.models.error import ErrorCategory, ErrorSeverity


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict, the texts that lead to it, and expressions by the text that must be there first."""

    verdict: Verdict
    texts: tuple[str, ...] = ()
    expressions: tuple[tuple[str, str], ...] = ()


def _list_words(*words: str) -> tuple[tuple[str, str], ...]:
    """Expressions that find these words only as whole words."""
    return tuple((word, rf"\b{word}\b") for word in words)


# Words that say more than a type does.
STRONG: tuple[Rule, ...] = (
    Rule((ErrorSeverity.CRITICAL, ErrorCategory.AUTHENTICATION), ("password authentication failed", "no pg_hba.conf entry")),
    Rule(
        verdicts.HOST_FAILS,
        ("out of memory", "heap limit", "segmentation fault", "no space left on device", "cannot allocate memory", "oomkilled",
         "signal: killed", "runtime exited with error", "cannot find module", "no module named", "unable to import module"),
    ),
    Rule(
        verdicts.PROGRAM_BREAKS,
        ("maximum call stack", "stack level too deep", "stack overflow", "maximum recursion depth", "too much recursion",
         "maximum function nesting level", "task timed out after", "function_invocation_timeout", "too many open files",
         "(sigkill)", "(sigsegv)", "(sigabrt)", "[errno 13]", "eacces: ", "eperm: ", "erofs: "),
    ),
    # What a browser or a visitor ends is no failure.
    Rule(verdicts.NOISE, ("resizeobserver loop", "the user aborted a request", "signal is aborted without reason")),
    Rule(
        verdicts.VENDOR_FAILS,
        ("temporary failure in name resolution", "name or service not known", "nodename nor servname", "no such host"),
        (("unavailable", r"(?:\b14 |statuscode\.|code = )unavailable\b"),
         ("deadline", r"(?:\b4 |statuscode\.|code = )deadline_?exceeded\b"),
         ("exhausted", r"(?:\b8 |statuscode\.|code = )resource_?exhausted\b")),
    ),
    Rule(
        verdicts.REFUSED_INPUT,
        (),
        (("invalid", r"(?:\b3 |statuscode\.|code = )invalid_?argument\b"),
         ("precondition", r"(?:\b9 |statuscode\.|code = )failed_?precondition\b")),
    ),
    Rule(
        verdicts.DATABASE_DOWN,
        ("too many clients", "remaining connection slots", "server closed the connection", "could not connect to server",
         "the database system is ", "terminating connection due to", "can't reach database server",
         "ssl connection has been closed unexpectedly", "could not translate host name", "sqlstate[hy000] [2002]",
         "sqlstate[hy000] [2003]", "sqlstate[hy000] [1040]",
         "can't connect to mysql server", "can't connect to local mysql server",
         "failed to obtain jdbc connection"),
        (("connect", r"(?:dial tcp|connect(?:ing|ion)? to) [\"'`]?[\w.:\[\]-]{1,100}:(?:5432|6432|3306|27017|1433|1521)\b"
                     r".{0,200}(?:refused|timed? ?out)"),
         ("connection to server ", r"connection to server (?:at|on) .{1,200}(?:failed|refused)"),
         ("econnrefused", r"econnrefused \S{1,100}:(?:5432|6432|5433)\b")),
    ),
    Rule(
        verdicts.DATABASE_FAILS,
        ("connection terminated unexpectedly", "connection terminated due to", "queuepool limit", "statement timeout",
         "timeout exceeded when trying to connect", "acquiring a connection", "from the connection pool",
         "connection pool exhausted", "connection pool is exhausted", "connection pool timeout",
         "connection was closed in the middle of", "server has gone away",
         "lost connection to mysql server", "oom command not allowed", "misconf redis",
         "no such table: ", "no such column: ", "canceling statement"),
    ),
    Rule(
        (ErrorSeverity.MEDIUM, ErrorCategory.DATABASE),
        ("deadlock detected", "database is locked", "could not serialize access"),
    ),
    Rule(
        verdicts.ROW_REFUSED,
        ("unique constraint failed", "foreign key constraint failed", "not null constraint failed", "e11000 duplicate key"),
        (("duplicate entry", r"duplicate entry ['\"].{1,300}['\"] for key"),
         ("violates ", r"violates (?:unique|foreign key|not-null|check|exclusion) constraint")),
    ),
    Rule(
        verdicts.VENDOR_FAILS,
        ("exceeded your current quota", "insufficient_quota", "insufficient quota", "insufficient_credits", "insufficient_funds",
         "insufficient funds", "enough credits", "rate limit reached", "networkerror when"),
        (("fetch", r"^fetch failed$|failed to fetch$"), ("network", r"network ?error$"), ("load failed", r"load failed$")),
    ),
    Rule(
        verdicts.NO_ACCESS,
        ("incorrect api key", "invalid_api_key", "invalid api key", "invalid_auth", "invalid credentials",
         "unable to locate credentials", "jwt expired",
         "redirect_uri_mismatch", "invalid_grant", "invalid_client"),
    ),
)  # fmt: skip
# What decides if nothing else does.
WEAK: tuple[Rule, ...] = (
    Rule(verdicts.DATABASE_FAILS, ("deadlock", "too many connections")),
    Rule(
        verdicts.VENDOR_FAILS,
        ("econnrefused", "econnreset", "enotfound", "etimedout", "eai_again", "connection refused", "connection reset",
         "getaddrinfo"),
        _list_words("epipe"),
    ),
    Rule(
        verdicts.DATABASE_FAILS,
        (),
        _list_words("sql", "postgres", "postgresql", "database", "relation", "column", "constraint", "query"),
    ),
    Rule(
        verdicts.NO_ACCESS,
        ("unauthorized", "unauthorised", "forbidden", "invalid token", "api key", "authenticat", "permission denied",
         "access denied"),
    ),
    Rule(
        verdicts.VENDOR_FAILS,
        ("quota", "rate limit", "rate-limit", "ratelimit", "rate_limit", "too many requests", "deepgram", "openai", "convoso",
         "sendgrid", "timed out", "time out", "timeout", "timedout", "econn", "socket hang up", "unreachable", "bad gateway",
         "other side closed"),
    ),
    Rule(
        verdicts.INVALID_DATA,
        ("validation", "required", "malformed", "unexpected token", "must be"),
        _list_words("invalid"),
    ),
    Rule(
        (ErrorSeverity.MEDIUM, ErrorCategory.API),
        ("status code",),
        (*_list_words("endpoint", "route", "http", "request", "response"), ("", r"\b[45]\d\d\b")),
    ),
)  # fmt: skip
# The code in "An error occurred (AccessDenied) when calling the GetObject operation".
AWS: tuple[Rule, ...] = (
    Rule(
        verdicts.NO_ACCESS,
        ("accessdenied", "unauthorized", "expiredtoken", "invalidclienttokenid", "signaturedoesnotmatch", "unrecognizedclient",
         "invalidaccesskeyid"),
    ),
    Rule(
        verdicts.VENDOR_FAILS,
        ("throttl", "toomanyrequests", "slowdown", "limitexceeded", "throughputexceeded", "serviceunavailable", "internalerror",
         "requesttimeout"),
    ),
    Rule(verdicts.INVALID_DATA, ("validation", "invalidparameter", "malformed")),
    Rule(verdicts.VENDOR_REFUSES, ("",)),
)  # fmt: skip


def find_by_words(rules: tuple[Rule, ...], text: str) -> Verdict | None:
    """The verdict of the first rule that a text meets; the case of letters does not matter."""
    lower = text.lower()
    for rule in rules:
        for words in rule.texts:
            if words in lower:
                return rule.verdict
        for hint, expression in rule.expressions:
            if hint in lower and _compile(expression).search(lower):
                return rule.verdict
    return None


@functools.cache
def _compile(expression: str) -> re.Pattern[str]:
    return re.compile(expression)

"""The tree of Callwatch's own exceptions.

CallwatchError
├── ConfigurationError     a variable, rule file or stage file cannot be used
├── DatabaseUnavailable    PostgreSQL cannot be reached in time
│   ├── DatabaseRefusesWrites  it responds and refuses writes: read-only, or without disk space
│   ├── DatabaseRefused    it responds and refuses our password
│   ├── DatabaseSaturated  it responds and has no connection left for us
│   ├── DatabaseSilent     it accepts the connection, or seems to, and sends nothing
│   └── PoolExhausted      every pooled connection stayed in use for the whole wait
├── AwsCallFailed          an AWS service did not respond, or refused a request
├── QueueUnavailable       SQS did not accept or return messages
├── ArchiveUnavailable     the archive of expiring messages did not accept or return a file
├── FilesUnavailable       the store of files did not accept or return a file
│   └── FileMissing        it responds, and has no such file
├── LockUnavailable        another session held an advisory lock for the whole wait
├── MigrationError         the schema cannot be upgraded
├── Rejected               an item of a body is not accepted
└── RequestRefused         a request that is not served; callwatch.runtime.responses knows the status of each kind
    ├── Unreadable         it cannot be read at all
    ├── Unauthenticated    it has no valid token or key
    ├── Forbidden          its token or key does not allow it
    ├── NotFound           what it names does not exist
    ├── MethodNotAllowed   its path exists, for another method
    ├── Conflict           what it names has a state in which the action is not possible
    ├── TooLarge           it is larger than what is accepted
    ├── UnsupportedType    its content type or encoding is not accepted
    ├── Invalid            one of its fields cannot be used
    ├── AllRejected        none of its items is accepted
    ├── TooManyRequests    its caller has sent too many
    ├── Misconfigured      this function's configuration is invalid
    ├── InternalError      anything unexpected
    └── Unavailable        a part that it needs does not respond, or is busy
"""

from collections.abc import Mapping


class CallwatchError(Exception):
    """Root of every exception that this package raises on purpose."""


class ConfigurationError(CallwatchError):
    """A setting that cannot be used; the text is one line that names the variable and what it must be."""


class DatabaseUnavailable(CallwatchError):
    """PostgreSQL could not be reached within the allowed time."""


class DatabaseRefusesWrites(DatabaseUnavailable):
    """PostgreSQL responds and refuses writes: it is read-only, or its disk is full."""


class DatabaseRefused(DatabaseUnavailable):
    """PostgreSQL refuses the password: it was changed, or was never right."""


class DatabaseSaturated(DatabaseUnavailable):
    """PostgreSQL responds and refuses the connection because all of them are in use (SQLSTATE 53300, 53400)."""


class DatabaseSilent(DatabaseUnavailable):
    """A connection attempt to PostgreSQL ran into its timeout: the server hangs, unlike one that is not there."""


class PoolExhausted(DatabaseUnavailable):
    """Every pooled connection stayed in use for the whole time that a caller may wait."""


class AwsCallFailed(CallwatchError):
    """An AWS service did not respond, or refused a request.

    reason: AWS's code of the refusal, such as AccessDeniedException; timeout, unreachable, tls, unreadable or misconfigured if
    there is none.
    is_passing: the same request may succeed a moment later.
    """

    def __init__(self, reason: str, detail: str = "", is_passing: bool | None = None) -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason
        self.is_passing = reason in ("timeout", "unreachable") if is_passing is None else is_passing


class QueueUnavailable(CallwatchError):
    """SQS could not be reached or refused messages; `unsent` counts the messages that were not accepted.

    is_throttled: SQS responds and wants fewer calls. is_late: it did not respond in time. is_passing: the same call may succeed
    a moment later.
    """

    def __init__(
        self, message: str, unsent: int = 0, is_throttled: bool = False, is_late: bool = False, is_passing: bool = False
    ) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.is_throttled = is_throttled
        self.is_late = is_late
        self.is_passing = is_passing


class ArchiveUnavailable(CallwatchError):
    """The archive of expiring messages did not accept or return a file."""


class FilesUnavailable(CallwatchError):
    """The store of files did not accept or return a file."""


class FileMissing(FilesUnavailable):
    """The store of files responds, and has no file under this name."""


class LockUnavailable(CallwatchError):
    """Another session held an advisory lock for the whole time that a caller may wait."""


class MigrationError(CallwatchError):
    """The schema could not be upgraded; nothing of the failing migration was kept."""


class Rejected(CallwatchError):
    """An item of a body that is not accepted: the field, and the remedy as text."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class RequestRefused(CallwatchError):
    """A request that is not served; the text is for people, `code` for programs.

    headers: those that the protocol of the request wants with the refusal. extra: fields of the response next to `error`.
    """

    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class Unreadable(RequestRefused):
    """A body or path that cannot be read at all."""

    code = "bad_request"


class Unauthenticated(RequestRefused):
    """No valid token or key."""

    code = "unauthorized"


class Forbidden(RequestRefused):
    """A token or key that does not allow this."""

    code = "forbidden"


class NotFound(RequestRefused):
    """What the request names does not exist."""

    code = "not_found"


class MethodNotAllowed(RequestRefused):
    """A method that the path does not have; the response names those that it has."""

    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"the method must be {allowed}", headers={"allow": allowed})


class Conflict(RequestRefused):
    """What the request names has a state in which the action is not possible."""

    code = "conflict"


class TooLarge(RequestRefused):
    """A body above the limit."""

    code = "too_large"


class UnsupportedType(RequestRefused):
    """A content type or encoding that is not accepted."""

    code = "unsupported_media_type"


class Invalid(RequestRefused):
    """A field whose value cannot be used; the text names the field and the remedy."""

    code = "invalid_field"

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(f"{field}: {remedy}")
        self.field = field
        self.remedy = remedy


class AllRejected(RequestRefused):
    """A body none of whose items is accepted; `extra` holds the fields of a response that names each of them."""

    code = "all_rejected"


class TooManyRequests(RequestRefused):
    """A caller over its limit."""

    code = "too_many_requests"


class Misconfigured(RequestRefused):
    """The configuration of the function that the request reached is invalid."""

    code = "misconfigured"


class InternalError(RequestRefused):
    """Something unexpected; the error itself is captured, and not shown."""

    code = "internal_error"


class Unavailable(RequestRefused):
    """A part that the request needs does not respond or is busy.

    retry_after_s: when to try again; None leaves it to the client.
    """

    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message, code=code, headers=None if retry_after_s is None else {"retry-after": str(retry_after_s)})

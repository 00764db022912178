"""The tree of Callwatch's own exceptions.

CallwatchError
├── ConfigurationError     a variable, rule or stage file that cannot be used
├── DatabaseUnavailable    PostgreSQL cannot be reached in time
│   ├── DatabaseRefused    it is there, and does not take our password
│   ├── DatabaseSilent     it takes the connection, or seems to, and says nothing
│   └── PoolExhausted      every pooled connection stayed in use for the whole wait
├── QueueUnavailable       SQS did not take or give messages
├── LockUnavailable        an advisory lock stayed in other hands for the whole wait
├── MigrationError         the schema cannot be brought forward
├── Rejected               an item of a body that is not taken
└── HttpError              (callwatch.http) an answer that is not a success
"""

# What answers say of a figure, or of a whole list, that our own database did not give.
DATABASE_DOWN = "the monitor's database does not answer"
DATABASE_LATE = "the monitor's tables could not be read in time"


class CallwatchError(Exception):
    """Root of every exception raised on purpose by this package."""


class ConfigurationError(CallwatchError):
    """A setting that cannot be used; its text is one line that names the variable and what it takes."""


class DatabaseUnavailable(CallwatchError):
    """PostgreSQL could not be reached within the time allowed."""


class DatabaseRefused(DatabaseUnavailable):
    """PostgreSQL does not take the password: it was changed, or was never right."""


class DatabaseSilent(DatabaseUnavailable):
    """PostgreSQL let an attempt to connect run into its time-out: what hangs, as against what is not there."""


class PoolExhausted(DatabaseUnavailable):
    """Every pooled connection stayed in use for the whole time a caller may wait."""


class QueueUnavailable(CallwatchError):
    """SQS could not be reached or refused messages; `unsent` says how many were not taken.

    is_throttled: it answers, and wants fewer calls.
    """

    def __init__(self, message: str, unsent: int = 0, is_throttled: bool = False) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.is_throttled = is_throttled


class LockUnavailable(CallwatchError):
    """An advisory lock was held elsewhere for the whole time a caller may wait."""


class MigrationError(CallwatchError):
    """The schema could not be brought forward; nothing of the failing migration was kept."""


class Rejected(CallwatchError):
    """An item of a body that is not taken: the field, and the remedy as text."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

"""How severe an error is, and what kind of failure it is."""

from enum import StrEnum
from typing import Literal

# The values of the enumerations below, as responses and rows hold them.
Severity = Literal["low", "medium", "high", "critical"]
Category = Literal["database", "api", "authentication", "validation", "integration", "system", "unknown"]
GroupStatus = Literal["new", "unresolved", "resolved", "ignored", "regressed"]
GroupVerb = Literal["resolve", "ignore", "reopen", "merge", "unmerge", "assign", "comment"]
GroupSort = Literal["last_seen", "first_seen", "count", "users", "level", "release", "service"]
# What can be done to many groups at once.
BulkVerb = Literal["resolve", "ignore", "reopen", "merge", "assign", "comment", "delete"]


class ErrorSeverity(StrEnum):
    """From what can wait to what wakes somebody."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class ErrorCategory(StrEnum):
    """What failed."""

    DATABASE = "database"
    API = "api"
    AUTHENTICATION = "authentication"
    VALIDATION = "validation"
    INTEGRATION = "integration"
    SYSTEM = "system"
    UNKNOWN = "unknown"

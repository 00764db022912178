"""How bad an error is, and what kind of thing failed."""

from enum import StrEnum


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

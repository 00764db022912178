"""Reads that a response can do without: the errors that they fail with, and the reasons for them."""

from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch.exceptions import DatabaseSaturated, DatabaseSilent, DatabaseUnavailable, PoolExhausted
from callwatch.models.reason import (
    DATABASE_SATURATED,
    DATABASE_SILENT,
    DATABASE_TIMEOUT,
    DATABASE_UNAVAILABLE,
    POOL_EXHAUSTED,
    PRODUCT_SATURATED,
    PRODUCT_SILENT,
    PRODUCT_TIMEOUT,
    PRODUCT_UNAVAILABLE,
    Reason,
)

# The database cannot be reached, or the statement exceeded its time: another session locked a table, or the disk is too slow.
UNREAD = (DatabaseUnavailable, QueryCanceled, LockNotAvailable)


def explain_unread(error: BaseException) -> Reason:
    """The reason in a response for the nulls that follow from one of UNREAD."""
    return _choose(error, DATABASE_SATURATED, DATABASE_SILENT, DATABASE_UNAVAILABLE, DATABASE_TIMEOUT)


def explain_product_unread(error: BaseException) -> Reason:
    """The same for the product's database."""
    return _choose(error, PRODUCT_SATURATED, PRODUCT_SILENT, PRODUCT_UNAVAILABLE, PRODUCT_TIMEOUT)


def _choose(error: BaseException, saturated: Reason, silent: Reason, unavailable: Reason, too_slow: Reason) -> Reason:
    if isinstance(error, DatabaseSaturated):
        return saturated
    if isinstance(error, DatabaseSilent):
        return silent
    if isinstance(error, PoolExhausted):
        return POOL_EXHAUSTED
    return unavailable if isinstance(error, DatabaseUnavailable) else too_slow

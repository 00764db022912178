"""Reads that an answer can do without: what they fail with, and the words for it."""

from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch.exceptions import DATABASE_DOWN, DATABASE_LATE, DatabaseUnavailable

# The database cannot be reached, or the statement ran past its time: somebody locked a table, the disk is too slow.
UNREAD = (DatabaseUnavailable, QueryCanceled, LockNotAvailable)


def why_unread(error: BaseException) -> str:
    """The reason that an answer gives for the nulls that follow from one of UNREAD."""
    return DATABASE_DOWN if isinstance(error, DatabaseUnavailable) else DATABASE_LATE

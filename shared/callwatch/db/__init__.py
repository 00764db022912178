"""PostgreSQL as the rest of the package uses it: connections, statements, retries, transactions, locks, schema."""

from callwatch.db.batch import batch_process
from callwatch.db.connect import Connection
from callwatch.db.lock import advisory_lock, lock_in_transaction, try_lock_in_transaction
from callwatch.db.migrate import migrate
from callwatch.db.partitions import day_window, drop_old_partitions, ensure_partitions
from callwatch.db.pool import connection, pool_statistics, product_connection, reset_pool, statements_within
from callwatch.db.query import execute, fetch_all, fetch_one
from callwatch.db.retry import CommitOutcomeUnknown, is_retryable, with_deadlock_retry, with_retry
from callwatch.db.transaction import with_transaction

__all__ = [
    "CommitOutcomeUnknown",
    "Connection",
    "advisory_lock",
    "batch_process",
    "connection",
    "day_window",
    "drop_old_partitions",
    "ensure_partitions",
    "execute",
    "fetch_all",
    "fetch_one",
    "is_retryable",
    "lock_in_transaction",
    "migrate",
    "pool_statistics",
    "product_connection",
    "reset_pool",
    "statements_within",
    "try_lock_in_transaction",
    "with_deadlock_retry",
    "with_retry",
    "with_transaction",
]

"""The database layer: connections, retries, transactions, locks, batches."""

from callwatch.db.batch import batch_process
from callwatch.db.connect import connection, pool_statistics, product_connection, reset_pools
from callwatch.db.lock import advisory_lock, lock_in_transaction
from callwatch.db.pool import Connection
from callwatch.db.query import execute, fetch_all, fetch_one
from callwatch.db.retry import with_deadlock_retry, with_retry
from callwatch.db.transaction import with_transaction

__all__ = [
    "Connection",
    "advisory_lock",
    "batch_process",
    "connection",
    "execute",
    "fetch_all",
    "fetch_one",
    "lock_in_transaction",
    "pool_statistics",
    "product_connection",
    "reset_pools",
    "with_deadlock_retry",
    "with_retry",
    "with_transaction",
]

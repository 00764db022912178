"""PostgreSQL as the rest of the package uses it: connections, statements, retries, transactions, locks, schema."""

from callwatch.db.connections.lend import connection, product_connection, read_pool_statistics, reset_pool, statements_within
from callwatch.db.core.batch import batch_process
from callwatch.db.core.connect import Connection
from callwatch.db.core.lock import advisory_lock, lock_in_transaction, try_lock_in_transaction
from callwatch.db.core.migrate import migrate
from callwatch.db.core.partitions import compute_day_window, drop_old_partitions, ensure_partitions
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.retry import CommitOutcomeUnknown, is_retryable, with_deadlock_retry, with_retry
from callwatch.db.core.roles import ROLES, Access, RoleName, make_roles, name_role, replace_credentials
from callwatch.db.core.transaction import with_transaction

__all__ = [
    "ROLES",
    "Access",
    "CommitOutcomeUnknown",
    "Connection",
    "RoleName",
    "advisory_lock",
    "batch_process",
    "compute_day_window",
    "connection",
    "drop_old_partitions",
    "ensure_partitions",
    "execute",
    "fetch_all",
    "fetch_one",
    "is_retryable",
    "lock_in_transaction",
    "make_roles",
    "migrate",
    "name_role",
    "product_connection",
    "read_pool_statistics",
    "replace_credentials",
    "reset_pool",
    "statements_within",
    "try_lock_in_transaction",
    "with_deadlock_retry",
    "with_retry",
    "with_transaction",
]

"""The database layer: pool, connections, transactions, retries, locks, COPY, partitions, migrations."""

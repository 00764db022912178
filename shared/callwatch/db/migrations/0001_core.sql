-- The monitor's own bookkeeping: which tables are cut by day, who runs the cycle, how cycles went.

CREATE TABLE callwatch.partitioned_tables (
    table_name      text PRIMARY KEY,
    storage_options text NOT NULL DEFAULT ''
);
COMMENT ON TABLE callwatch.partitioned_tables IS
    'Tables of this schema cut into partitions by UTC day; storage_options is what stands in WITH (...) of each partition.';

CREATE TABLE callwatch.monitor_lease (
    name        text PRIMARY KEY,
    holder      text NOT NULL,
    acquired_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
COMMENT ON TABLE callwatch.monitor_lease IS 'Who may run a job that only one may run at a time, and until when.';

CREATE TABLE callwatch.monitor_cycles (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms double precision NOT NULL,
    is_ok       boolean NOT NULL,
    steps       jsonb NOT NULL
);
COMMENT ON TABLE callwatch.monitor_cycles IS 'One row a cycle: how long each step took and what it did or why it failed.';
CREATE INDEX monitor_cycles_finished_at ON callwatch.monitor_cycles (finished_at DESC);

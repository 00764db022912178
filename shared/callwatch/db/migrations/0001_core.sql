-- The monitor's own bookkeeping: which tables are partitioned by day, who runs the cycle, how each cycle went.

CREATE TABLE callwatch.partitioned_tables (
    table_name       text PRIMARY KEY,
    -- Set on each partition, for PostgreSQL takes no storage options on a partitioned parent.
    storage_options  text NOT NULL DEFAULT ''
);

CREATE TABLE callwatch.leases (
    name        text PRIMARY KEY,
    holder      text NOT NULL,
    expires_at  timestamptz NOT NULL
);

CREATE TABLE callwatch.monitor_cycles (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL,
    is_ok        boolean NOT NULL,
    -- [{"name", "duration_ms", "error", "details"}], in the order they ran
    steps        jsonb NOT NULL
);
CREATE INDEX monitor_cycles_finished ON callwatch.monitor_cycles (finished_at DESC);

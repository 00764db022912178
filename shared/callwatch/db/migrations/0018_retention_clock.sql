-- The time by which retention deletes: it follows the clock in small steps and distrusts a jump.

CREATE TABLE callwatch.retention_clock (
    is_only       boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    seen_at       timestamptz NOT NULL,
    trusted_at    timestamptz NOT NULL,
    steady_since  timestamptz NOT NULL,
    steady_cycles integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE callwatch.retention_clock IS
    'seen_at: the last reading of the clock. trusted_at: the time by which retention deletes. steady: since the last jump.';

-- The last cycle knew the time as well: a clock that is wrong during this migration is then a jump like any other.
INSERT INTO callwatch.retention_clock (seen_at, trusted_at, steady_since)
SELECT at, at, at
FROM (SELECT coalesce((SELECT max(finished_at) FROM callwatch.monitor_cycles), clock_timestamp()) AS at) AS last;

CREATE TABLE callwatch.setting_problems (
    variable  text PRIMARY KEY,
    affects   text NOT NULL,
    message   text NOT NULL,
    since     timestamptz NOT NULL
);
COMMENT ON TABLE callwatch.setting_problems IS
    'Settings that the monitor found unusable in its last cycle, and what is switched off by each; never a value.';

-- The samples that each evaluation judged, by minute, so that a rule can be tried on the past.

CREATE TABLE callwatch.metric_minutes (
    minute   timestamptz PRIMARY KEY,
    -- metric -> [[value or null, labels], ...]
    samples  jsonb NOT NULL,
    -- prefixes of metrics whose source could not be read
    unread   jsonb NOT NULL
);
COMMENT ON TABLE callwatch.metric_minutes IS 'Kept for seven days.';

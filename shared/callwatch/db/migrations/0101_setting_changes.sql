-- Changes of the monitor's own settings: an alert names those of the hour before it.

CREATE TABLE callwatch.setting_changes (
    variable     text NOT NULL,
    at           timestamptz NOT NULL,
    digest       text NOT NULL,
    is_baseline  boolean NOT NULL,
    PRIMARY KEY (variable, at)
);
COMMENT ON TABLE callwatch.setting_changes IS
    'Digests of settings that are no secret, one row for each change. digest: empty if it is not set. is_baseline: found by the first cycle.';
CREATE INDEX setting_changes_at ON callwatch.setting_changes (at);

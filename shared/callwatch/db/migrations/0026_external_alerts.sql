-- Alerts of other monitors, each with its last state: the rules on them make them alerts here.

CREATE TABLE callwatch.external_alerts (
    project_id   integer NOT NULL,
    source       text NOT NULL,
    fingerprint  text NOT NULL,
    is_firing    boolean NOT NULL,
    level        text NOT NULL CHECK (level IN ('info', 'warning', 'error', 'critical')),
    name         text NOT NULL,
    labels       jsonb NOT NULL,
    summary      text,
    starts_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    PRIMARY KEY (project_id, source, fingerprint)
);
CREATE INDEX external_alerts_firing ON callwatch.external_alerts (changed_at) WHERE is_firing;
COMMENT ON TABLE callwatch.external_alerts IS
    'changed_at orders the states of one alert. expires_at: when one that its source repeats counts as ended; NULL: never.';

-- Projects that had more alerts at once than are kept.
CREATE TABLE callwatch.external_alerts_refused (
    project_id   integer PRIMARY KEY,
    last_at      timestamptz NOT NULL
);

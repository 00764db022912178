-- Alerts of level info that are notified once a day together, where their route says so.

CREATE TABLE callwatch.digest_entries (
    alert_id  bigint PRIMARY KEY REFERENCES callwatch.alerts (id),
    route     text NOT NULL,
    channels  text[] NOT NULL,
    -- the time of the next digest when the alert fired
    due_at    timestamptz NOT NULL,
    sent_at   timestamptz
);
CREATE INDEX digest_entries_waiting ON callwatch.digest_entries (due_at) WHERE sent_at IS NULL;

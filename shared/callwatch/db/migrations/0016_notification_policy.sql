-- Silences that begin later; the unit and comparison of an alert's value; notifications of several alerts at once.

ALTER TABLE callwatch.silences ADD COLUMN starts_at timestamptz NOT NULL DEFAULT now();
UPDATE callwatch.silences SET starts_at = created_at;

ALTER TABLE callwatch.alerts
    -- null: written by an earlier version
    ADD COLUMN unit       text,
    ADD COLUMN comparison text,
    -- the alert under whose id the group is notified that this one belongs to
    ADD COLUMN group_id   bigint REFERENCES callwatch.alerts (id);
CREATE INDEX alerts_group ON callwatch.alerts (group_id) WHERE group_id IS NOT NULL;

ALTER TABLE callwatch.deliveries
    -- all alerts that a notification of several is about; alert_id is then the first of them, or that of the group
    ADD COLUMN alert_ids bigint[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT deliveries_state_check,
    ADD CONSTRAINT deliveries_state_check CHECK (state IN ('due', 'sent', 'failed', 'withdrawn'));
CREATE INDEX deliveries_alerts ON callwatch.deliveries USING gin (alert_ids) WHERE alert_ids <> '{}';
COMMENT ON COLUMN callwatch.deliveries.state IS 'withdrawn: a silence began before it was sent';

-- Which incident a delivery is about: what is sent of one incident through one channel keeps its order.

ALTER TABLE callwatch.deliveries ADD COLUMN incident_id bigint REFERENCES callwatch.incidents (id);
CREATE INDEX deliveries_incident_due ON callwatch.deliveries (incident_id, channel, id)
    WHERE state = 'due' AND incident_id IS NOT NULL;
-- The evaluation adds the incident after it queued a delivery.
CREATE INDEX deliveries_without_incident ON callwatch.deliveries (id)
    WHERE state = 'due' AND incident_id IS NULL AND alert_id IS NOT NULL;

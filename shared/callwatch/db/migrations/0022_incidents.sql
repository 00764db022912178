-- Incidents: one cause and the alerts that follow from it. People take, note and resolve these; alerts remain below.

CREATE TABLE callwatch.incidents (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state           text NOT NULL CHECK (state IN ('open', 'resolved')),
    title           text NOT NULL,
    sentence        text NOT NULL,
    -- the highest that any of its alerts had
    level           text NOT NULL CHECK (level IN ('info', 'warning', 'error', 'critical')),
    started_at      timestamptz NOT NULL,
    resolved_at     timestamptz,
    cause_alert_id  bigint NOT NULL REFERENCES callwatch.alerts (id),
    -- who works on it, and since when
    owner           text,
    owned_at        timestamptz,
    -- the incident that took over its alerts, because its cause turned out to follow from that one's
    merged_into     bigint REFERENCES callwatch.incidents (id),
    -- calls, agencies, users, errors: each {"value": n}, or {"code": ..., "message": ...} where it is not known
    impact          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX incidents_newest ON callwatch.incidents (started_at DESC, id DESC) WHERE merged_into IS NULL;
CREATE INDEX incidents_open ON callwatch.incidents (id) WHERE state = 'open';
CREATE INDEX incidents_merged ON callwatch.incidents (merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON TABLE callwatch.incidents IS 'Kept as long as the alerts of which they consist.';

ALTER TABLE callwatch.alerts ADD COLUMN incident_id bigint REFERENCES callwatch.incidents (id);
CREATE INDEX alerts_incident ON callwatch.alerts (incident_id, id) WHERE incident_id IS NOT NULL;
-- Alerts of earlier versions, and those that ended while incidents could not be written: the cycle adds theirs afterwards.
CREATE INDEX alerts_without_incident ON callwatch.alerts (id) WHERE incident_id IS NULL;

-- What happened to an incident as a whole, and its notes; what happened to its alerts is in their own timelines.
CREATE TABLE callwatch.incident_timeline (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES callwatch.incidents (id),
    at           timestamptz NOT NULL,
    kind         text NOT NULL,
    actor        text NOT NULL,
    details      text NOT NULL
);
CREATE INDEX incident_timeline_incident ON callwatch.incident_timeline (incident_id, at, id);

-- Changes before an incident are found by their time.
CREATE INDEX rule_history_at ON callwatch.rule_history (at);

-- The steps of each incident's escalation: who is notified next, unless somebody takes the incident before.

CREATE TABLE callwatch.escalations (
    incident_id  bigint NOT NULL REFERENCES callwatch.incidents (id),
    -- of ROUTES_FILE when the incident was first notified by it; the row keeps the channels of that time
    route        text NOT NULL,
    step         integer NOT NULL,
    due_at       timestamptz NOT NULL,
    channels     text[] NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent')),
    done_at      timestamptz,
    PRIMARY KEY (incident_id, route, step)
);
CREATE INDEX escalations_waiting ON callwatch.escalations (due_at) WHERE state = 'waiting';

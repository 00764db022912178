-- Alerts: the state of each rule's instances, alerts as spans, their transitions, deliveries and silences.

CREATE TABLE callwatch.rule_settings (
    rule_id     text PRIMARY KEY,
    is_enabled  boolean NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE callwatch.alerts (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- rule and labels: one alert at a time fires under a key
    alert_key        text NOT NULL,
    rule_id          text NOT NULL,
    title            text NOT NULL,
    level            text NOT NULL CHECK (level IN ('info', 'warning', 'error', 'critical')),
    state            text NOT NULL CHECK (state IN ('firing', 'resolved')),
    message          text NOT NULL,
    value            double precision,
    threshold        double precision,
    service          text,
    labels           jsonb NOT NULL DEFAULT '{}',
    started_at       timestamptz NOT NULL,
    resolved_at      timestamptz,
    acknowledged_by  text,
    acknowledged_at  timestamptz,
    suppressed_by    text,
    runbook_url      text NOT NULL,
    last_notified_at timestamptz
);
CREATE UNIQUE INDEX alerts_one_firing ON callwatch.alerts (alert_key) WHERE state = 'firing';
CREATE INDEX alerts_newest ON callwatch.alerts (started_at DESC, id DESC);
CREATE INDEX alerts_key ON callwatch.alerts (alert_key, started_at DESC);

-- Where each instance of a rule stands; the pending ones too, which are no alerts yet.
CREATE TABLE callwatch.rule_states (
    alert_key          text PRIMARY KEY,
    rule_id            text NOT NULL,
    state              text NOT NULL CHECK (state IN ('ok', 'pending', 'firing', 'unknown')),
    value              double precision,
    threshold          double precision,
    alert_id           bigint REFERENCES callwatch.alerts (id),
    last_evaluated_at  timestamptz NOT NULL,
    -- the rest of what the evaluation needs to know of the instance
    details            jsonb NOT NULL
);
CREATE INDEX rule_states_rule ON callwatch.rule_states (rule_id);

CREATE TABLE callwatch.alert_timeline (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id  bigint NOT NULL REFERENCES callwatch.alerts (id),
    at        timestamptz NOT NULL,
    kind      text NOT NULL,
    actor     text NOT NULL,
    details   text
);
CREATE INDEX alert_timeline_alert ON callwatch.alert_timeline (alert_id, at, id);

-- The outbox: one row a notification and channel, written with the transition it tells of.
CREATE TABLE callwatch.deliveries (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id         bigint REFERENCES callwatch.alerts (id),
    channel          text NOT NULL,
    kind             text NOT NULL,
    -- the same on every retry, so that a receiver can tell a repetition
    message_id       text NOT NULL UNIQUE,
    payload          jsonb NOT NULL,
    state            text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    due_at           timestamptz NOT NULL,
    claimed_until    timestamptz,
    claimed_by       text,
    last_error       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    sent_at          timestamptz
);
CREATE INDEX deliveries_due ON callwatch.deliveries (due_at) WHERE state = 'due';
CREATE INDEX deliveries_alert ON callwatch.deliveries (alert_id, id);

CREATE TABLE callwatch.silences (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    matchers    jsonb NOT NULL,
    reason      text NOT NULL,
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ends_at     timestamptz NOT NULL,
    ended_at    timestamptz,
    ended_by    text
);
CREATE INDEX silences_active ON callwatch.silences (ends_at) WHERE ended_at IS NULL;

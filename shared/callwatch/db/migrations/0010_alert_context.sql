-- What alerts are told with: releases by when they were first seen. History of the rules' switches.

CREATE TABLE callwatch.releases (
    project_id     integer NOT NULL,
    environment    text NOT NULL,
    release        text NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    -- there when the monitor first looked: nothing new
    is_baseline    boolean NOT NULL,
    PRIMARY KEY (project_id, environment, release)
);
CREATE INDEX releases_newest ON callwatch.releases (first_seen_at DESC);

CREATE TABLE callwatch.rule_history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id  text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL CHECK (action IN ('enable', 'disable', 'test')),
    reason   text NOT NULL
);
CREATE INDEX rule_history_rule ON callwatch.rule_history (rule_id, at DESC, id DESC);
INSERT INTO callwatch.rule_history (rule_id, at, actor, action, reason)
SELECT rule_id, changed_at, actor, CASE WHEN is_enabled THEN 'enable' ELSE 'disable' END, reason
FROM callwatch.rule_settings;

-- Alerts that follow from another are found by the cause; firing ones by their state.
CREATE INDEX alerts_rule ON callwatch.alerts (rule_id, started_at DESC, id DESC);
ALTER TABLE callwatch.alerts ADD COLUMN cause_id bigint REFERENCES callwatch.alerts (id);
CREATE INDEX alerts_cause ON callwatch.alerts (cause_id) WHERE cause_id IS NOT NULL;

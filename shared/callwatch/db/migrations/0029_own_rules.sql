-- Rules that people make through the API, what each change of a rule was, and silences that recur.

CREATE TABLE callwatch.own_rules (
    rule_id     text PRIMARY KEY,
    -- as RULES_FILE would hold it
    definition  jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text NOT NULL
);

ALTER TABLE callwatch.rule_history
    -- the definition of an own rule before and after the change
    ADD COLUMN before jsonb,
    ADD COLUMN after  jsonb,
    DROP CONSTRAINT rule_history_action_check,
    ADD CONSTRAINT rule_history_action_check CHECK (action IN ('enable', 'disable', 'test', 'create', 'change', 'delete'));

-- days, start, duration_s and timezone; null: it mutes all the time from starts_at to ends_at
ALTER TABLE callwatch.silences ADD COLUMN recurs jsonb;

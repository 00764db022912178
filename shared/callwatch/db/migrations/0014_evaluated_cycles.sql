-- A cycle that could not evaluate the rules is no sign of life: health asks for the last one that could, at once.

ALTER TABLE callwatch.monitor_cycles ADD COLUMN is_evaluated boolean NOT NULL GENERATED ALWAYS AS (
    NOT jsonb_path_exists(steps, '$[*] ? (@.name == "evaluate" && @.error != null)')
) STORED;
COMMENT ON COLUMN callwatch.monitor_cycles.is_evaluated IS 'Whether the rules were evaluated: the step of that name has no error.';
CREATE INDEX monitor_cycles_evaluated ON callwatch.monitor_cycles (finished_at DESC) WHERE is_evaluated;

-- Why an alert ended: it recovered, or nothing more is measured of it, or a person or a change of its rule ended it.

ALTER TABLE callwatch.alerts ADD COLUMN end_reason text;
COMMENT ON COLUMN callwatch.alerts.end_reason IS 'null: it fires, or ended before this was recorded';

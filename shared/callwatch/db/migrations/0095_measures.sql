-- What the value of an alert measures, in plain words: a value of 1 says little without them.

ALTER TABLE callwatch.alerts ADD COLUMN measures text;
COMMENT ON COLUMN callwatch.alerts.measures IS 'null: the alert ended before this was recorded';

-- A request whose status was never sent: it has none, instead of one that looks like a success.

ALTER TABLE callwatch.api_logs ALTER COLUMN status_code DROP NOT NULL;

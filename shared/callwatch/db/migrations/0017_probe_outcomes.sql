-- What each probe itself met, apart from the status that streaks make of it; and how much of the time was watched.
-- Rows of before have no outcome: it follows from their status and reason.

ALTER TABLE callwatch.check_results ADD COLUMN outcome text;
ALTER TABLE callwatch.check_results ADD COLUMN watched_s real;
-- Probes that were answered and not well, which `up` counts too; seconds that the probes of the hour stand for.
ALTER TABLE callwatch.uptime_hours ADD COLUMN degraded integer NOT NULL DEFAULT 0;
ALTER TABLE callwatch.uptime_hours ADD COLUMN watched_s real;

-- Maintenance: silences in which the services that they match are neither up nor down.

ALTER TABLE callwatch.silences ADD COLUMN is_maintenance boolean NOT NULL DEFAULT false;
-- Seconds of an hour in which probes ran within maintenance; these probes are not in checked, up, degraded and watched_s.
ALTER TABLE callwatch.uptime_hours ADD COLUMN maintenance_s real NOT NULL DEFAULT 0;

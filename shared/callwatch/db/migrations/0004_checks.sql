-- Checks of services: the state by streak, each minute's result, and days for the uptime bars.

CREATE TABLE callwatch.service_states (
    service     text PRIMARY KEY,
    status      text NOT NULL CHECK (status IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    reason      text,
    failures    integer NOT NULL,
    successes   integer NOT NULL,
    latency_ms  double precision,
    checked_at  timestamptz NOT NULL,
    since       timestamptz NOT NULL,
    details     jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE callwatch.check_results (
    service     text NOT NULL,
    at          timestamptz NOT NULL,
    status      text NOT NULL,
    reason      text,
    latency_ms  double precision,
    PRIMARY KEY (service, at)
);
-- Minutes checked on a UTC day, and those in which the service was up (healthy or degraded).
CREATE TABLE callwatch.uptime_hours (
    service  text NOT NULL,
    hour     timestamptz NOT NULL,
    checked  integer NOT NULL,
    up       integer NOT NULL,
    worst    text NOT NULL,
    PRIMARY KEY (service, hour)
);

-- What became of what clients send, as ingest counts it; and what clients report of what they never sent.

CREATE TABLE callwatch.ingest_counts (
    hour       timestamptz NOT NULL,
    project_id integer NOT NULL,
    sdk        text NOT NULL,
    category   text NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('accepted', 'refused', 'cut', 'client_discarded')),
    reason     text NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (hour, project_id, sdk, category, outcome, reason)
);
COMMENT ON TABLE callwatch.ingest_counts IS
    'By hour of arrival. Reports of clients and refused items name no environment, so that none is kept here.';

-- The key makes a report that is delivered twice count once.
CREATE TABLE callwatch.ingest_reports (
    report_id  uuid PRIMARY KEY,
    at         timestamptz NOT NULL
);
CREATE INDEX ingest_reports_at ON callwatch.ingest_reports (at);

-- The SDKs that are counted by name: a limited number in each project, since the name is the sender's text.
CREATE TABLE callwatch.ingest_sdks (
    project_id integer NOT NULL,
    sdk        text NOT NULL,
    seen_on    date NOT NULL,
    PRIMARY KEY (project_id, sdk)
);

-- Requests whose status was never sent: they have no part in error rates.
ALTER TABLE callwatch.api_logs ALTER COLUMN status_code DROP NOT NULL;
ALTER TABLE callwatch.request_histograms ADD COLUMN unsettled bigint NOT NULL DEFAULT 0;
ALTER TABLE callwatch.request_histograms_hourly ADD COLUMN unsettled bigint NOT NULL DEFAULT 0;

-- Runs of functions and jobs, by the buckets of response times.
CREATE TABLE callwatch.work_histograms (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('function', 'job')),
    name         text NOT NULL,
    bucket       smallint NOT NULL,
    count        bigint NOT NULL,
    failures     bigint NOT NULL,
    total_ms     double precision NOT NULL,
    PRIMARY KEY (minute, project_id, environment, kind, name, bucket)
);

-- Lines of logs that are no errors.
CREATE TABLE callwatch.log_counts (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    level        text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (minute, project_id, environment, level)
);

-- Sessions of a release: all, and those that ended badly.
CREATE TABLE callwatch.session_counts (
    hour         timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    release      text NOT NULL,
    sessions     bigint NOT NULL,
    errored      bigint NOT NULL,
    crashed      bigint NOT NULL,
    abnormal     bigint NOT NULL,
    PRIMARY KEY (hour, project_id, environment, release)
);

-- What users wrote about an error, scrubbed.
CREATE TABLE callwatch.user_feedback (
    feedback_id  uuid PRIMARY KEY,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    event_id     uuid,
    at           timestamptz NOT NULL,
    message      text NOT NULL,
    user_hash    text
);
CREATE INDEX user_feedback_event ON callwatch.user_feedback (project_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX user_feedback_at ON callwatch.user_feedback (at);

-- Requests refused before their work began, as each execution environment reports them: about once a minute, by reason.

CREATE TABLE callwatch.refused_requests (
    report_id  uuid NOT NULL,
    reason     text NOT NULL,
    at         timestamptz NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (report_id, reason)
);
CREATE INDEX refused_requests_at ON callwatch.refused_requests (at);
COMMENT ON TABLE callwatch.refused_requests IS
    'No caller is named. The key makes a report that is delivered twice count once.';

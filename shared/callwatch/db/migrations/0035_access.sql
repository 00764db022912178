-- Access to personal data: a record per access for auditors, and by minute how many requests answered with such data.

CREATE TABLE callwatch.access_log (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- a message that is delivered twice counts once
    record_id     uuid NOT NULL UNIQUE,
    project_id    integer NOT NULL,
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    actor         text NOT NULL,
    subject_kind  text NOT NULL,
    subject       text NOT NULL,
    route         text NOT NULL,
    request_id    text
);
CREATE INDEX access_log_subject ON callwatch.access_log (subject, at DESC, id DESC);
CREATE INDEX access_log_actor ON callwatch.access_log (actor, at DESC, id DESC);
CREATE INDEX access_log_at ON callwatch.access_log (at DESC, id DESC);
CREATE INDEX access_log_request ON callwatch.access_log (request_id) WHERE request_id IS NOT NULL;
COMMENT ON COLUMN callwatch.access_log.actor IS 'an HMAC, as subject is: nobody can be read from it';

-- route: an entry of PII_ROUTES. answered: its requests with 2xx. logged: those that have a record.
CREATE TABLE callwatch.access_minutes (
    minute      timestamptz NOT NULL,
    project_id  integer NOT NULL,
    route       text NOT NULL,
    answered    bigint NOT NULL,
    logged      bigint NOT NULL,
    PRIMARY KEY (minute, project_id, route)
);

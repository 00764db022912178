-- Calls of models that telemetry reports: rows by day, and counters by hour. What was asked and answered is never stored.

CREATE TABLE callwatch.model_calls (
    day            date NOT NULL,
    project_id     integer NOT NULL,
    environment    text NOT NULL,
    span_key       uuid NOT NULL,
    at             timestamptz NOT NULL,
    provider       text NOT NULL,
    model          text NOT NULL,
    operation      text NOT NULL,
    input_tokens   bigint,
    output_tokens  bigint,
    duration_ms    double precision NOT NULL,
    has_failed     boolean NOT NULL,
    call_id        text,
    PRIMARY KEY (day, project_id, environment, span_key)
) PARTITION BY RANGE (day);
INSERT INTO callwatch.partitioned_tables (table_name) VALUES ('model_calls');
CREATE INDEX model_calls_call ON callwatch.model_calls (call_id) WHERE call_id IS NOT NULL;
COMMENT ON COLUMN callwatch.model_calls.call_id IS 'The attribute call.id: the call of the product for which the model was used.';
COMMENT ON COLUMN callwatch.model_calls.provider IS 'Empty if it was not sent; so are model and operation.';

-- Buckets as in request_histograms. input_metered, output_metered: how many of the calls said these tokens; the sums are of those
-- alone.
CREATE TABLE callwatch.model_usage_hourly (
    hour           timestamptz NOT NULL,
    project_id     integer NOT NULL,
    environment    text NOT NULL,
    provider       text NOT NULL,
    model          text NOT NULL,
    operation      text NOT NULL,
    bucket         smallint NOT NULL,
    count          bigint NOT NULL,
    errors         bigint NOT NULL,
    input_metered  bigint NOT NULL,
    output_metered bigint NOT NULL,
    input_tokens   bigint NOT NULL,
    output_tokens  bigint NOT NULL,
    total_ms       double precision NOT NULL,
    PRIMARY KEY (hour, project_id, environment, provider, model, operation, bucket)
);

-- The product's own requests: rows by day, and histograms of their time by route.

CREATE TABLE callwatch.api_logs (
    day               date NOT NULL,
    project_id        integer NOT NULL,
    environment       text NOT NULL,
    request_id        uuid NOT NULL,
    at                timestamptz NOT NULL,
    method            text NOT NULL,
    route             text NOT NULL,
    status_code       integer NOT NULL,
    response_time_ms  double precision NOT NULL,
    release           text,
    source            text NOT NULL,
    PRIMARY KEY (day, project_id, environment, request_id)
) PARTITION BY RANGE (day);
INSERT INTO callwatch.partitioned_tables (table_name) VALUES ('api_logs');

-- Log buckets: bucket b holds times in (1.02^(b-1), 1.02^b] ms, so that a percentile is off by 2 % at most.
CREATE TABLE callwatch.request_histograms (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    route        text NOT NULL,
    bucket       smallint NOT NULL,
    count        bigint NOT NULL,
    errors       bigint NOT NULL,
    total_ms     double precision NOT NULL,
    PRIMARY KEY (minute, project_id, environment, route, bucket)
);
CREATE TABLE callwatch.request_histograms_hourly (
    hour         timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    route        text NOT NULL,
    bucket       smallint NOT NULL,
    count        bigint NOT NULL,
    errors       bigint NOT NULL,
    total_ms     double precision NOT NULL,
    PRIMARY KEY (hour, project_id, environment, route, bucket)
);

-- What was used of each service by hour: the course of earlier days, by which a quota of a day is forecast.

CREATE TABLE callwatch.cost_hours (
    day       date NOT NULL REFERENCES callwatch.cost_days (day) ON DELETE CASCADE,
    hour      timestamptz NOT NULL,
    service   text NOT NULL,
    model     text NOT NULL,
    unit      text NOT NULL,
    quantity  numeric NOT NULL,
    PRIMARY KEY (day, hour, service, model, unit)
);
COMMENT ON TABLE callwatch.cost_hours IS 'The unit call counts uses, each of which is one request to the service.';

-- The history of the product's stages: by minute for a week, by hour for as long as trends are drawn.

CREATE TABLE callwatch.stage_minutes (
    stage   text NOT NULL,
    figure  text NOT NULL,
    minute  timestamptz NOT NULL,
    value   double precision NOT NULL,
    PRIMARY KEY (stage, figure, minute)
);
COMMENT ON TABLE callwatch.stage_minutes IS
    'One figure of a stage as the cycle of that minute read it; an unknown figure leaves no row.';
CREATE INDEX stage_minutes_minute ON callwatch.stage_minutes (minute);

CREATE TABLE callwatch.stage_hours (
    stage    text NOT NULL,
    figure   text NOT NULL,
    hour     timestamptz NOT NULL,
    samples  integer NOT NULL,
    total    double precision NOT NULL,
    peak     double precision NOT NULL,
    PRIMARY KEY (stage, figure, hour)
);
COMMENT ON TABLE callwatch.stage_hours IS 'The minutes of an hour thinned to their number, their sum and the highest of them.';
CREATE INDEX stage_hours_hour ON callwatch.stage_hours (hour);

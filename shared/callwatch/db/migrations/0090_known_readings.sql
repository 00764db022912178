-- What could be read of the product, ever: a figure that was known and is not any more is an alert, and one that never was is none.

CREATE TABLE callwatch.known_readings (
    name        text PRIMARY KEY,
    known_at    timestamptz NOT NULL,
    lost_since  timestamptz,
    is_certain  boolean NOT NULL DEFAULT false,
    faults      jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE callwatch.known_readings IS
    'Readings of the product that succeeded once; lost_since: since when one fails; is_certain: because of the schema.';

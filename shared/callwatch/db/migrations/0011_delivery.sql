-- What sending needs to know: since when a delivery is tried, when it was given up, and how each channel does.

ALTER TABLE callwatch.deliveries
    -- its first try: the day after which it is given up is counted from here, less the time a breaker held it
    ADD COLUMN trying_since timestamptz,
    ADD COLUMN failed_at    timestamptz;

CREATE INDEX deliveries_channel_due ON callwatch.deliveries (channel, id) WHERE state = 'due';

CREATE TABLE callwatch.channel_states (
    channel        text PRIMARY KEY,
    last_sent_at   timestamptz,
    -- a notification was refused for good, or given up after a day
    last_failed_at timestamptz,
    last_error     text,
    -- failures in a row, and since when
    failures       integer NOT NULL DEFAULT 0,
    failing_since  timestamptz,
    -- the breaker: open from, and closed to all but one probe until
    opened_at      timestamptz,
    open_until     timestamptz
);
COMMENT ON TABLE callwatch.channel_states IS 'How each channel does, and its breaker; one that was never used has no row.';

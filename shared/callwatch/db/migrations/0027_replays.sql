-- Requests to the product to work on items again, which people sent from Callwatch.

CREATE TABLE callwatch.replays (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    stage       text NOT NULL,
    ids         text[] NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    message_id  text NOT NULL UNIQUE
);
CREATE INDEX replays_stage ON callwatch.replays (stage, at DESC);
CREATE INDEX replays_at ON callwatch.replays (at);
CREATE INDEX replays_ids ON callwatch.replays USING gin (ids);
COMMENT ON TABLE callwatch.replays IS 'Who asked for which items, and why; the delivery with the same message_id says what became of it.';

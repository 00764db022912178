-- A hold that a receiver asked for is kept even where a person sends a test; any other one ends then.
ALTER TABLE callwatch.channel_states ADD COLUMN is_asked boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN callwatch.channel_states.is_asked IS 'Whether the receiver itself named the time until which the channel is held.';

-- Erasures of all that is stored of one user: who asked for it and why, and how far the monitor is.

CREATE TABLE callwatch.user_erasures (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL,
    reason       text,
    user_hash    text NOT NULL,
    found        bigint,
    erased       bigint NOT NULL DEFAULT 0,
    days         date[] NOT NULL,
    last_object  bigint NOT NULL DEFAULT 0,
    last_start   bigint NOT NULL DEFAULT -1,
    last_group   bigint NOT NULL DEFAULT 0,
    finished_at  timestamptz
);
-- Two requests at once are one erasure.
CREATE UNIQUE INDEX user_erasures_open ON callwatch.user_erasures (user_hash) WHERE finished_at IS NULL;
CREATE INDEX user_erasures_user ON callwatch.user_erasures (user_hash, id DESC);
CREATE INDEX user_erasures_at ON callwatch.user_erasures (at);
COMMENT ON COLUMN callwatch.user_erasures.found IS 'null: counting took too long.';
COMMENT ON COLUMN callwatch.user_erasures.days IS 'The days that are left, the first of them perhaps in part.';
COMMENT ON COLUMN callwatch.user_erasures.last_object IS 'The place up to which the payloads of the first day are done, with last_start.';
COMMENT ON COLUMN callwatch.user_erasures.last_group IS 'The group up to which the user is unlinked, once no day is left.';

CREATE INDEX user_feedback_user ON callwatch.user_feedback (user_hash) WHERE user_hash IS NOT NULL;

-- A bloom filter for each 64 pages: about a byte an event, where a B-tree takes 10 to 30. ON ONLY: days that have a partition
-- already are read as a whole until retention drops them, so that the upgrade blocks no writer.
CREATE INDEX error_logs_user ON ONLY callwatch.error_logs
    USING brin (left(user_hash, 12) text_bloom_ops (n_distinct_per_range = 2000)) WITH (pages_per_range = 64);

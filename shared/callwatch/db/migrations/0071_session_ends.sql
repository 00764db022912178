-- Sessions of the page that ended before their time: one by its id, or all that an actor began until then.

CREATE TABLE callwatch.session_ends (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id  text,
    role        text NOT NULL,
    actor       text NOT NULL,
    ended_at    timestamptz NOT NULL,
    forget_at   timestamptz NOT NULL
);
CREATE INDEX session_ends_of_one ON callwatch.session_ends (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX session_ends_of_all ON callwatch.session_ends (role, actor, ended_at) WHERE session_id IS NULL;
COMMENT ON COLUMN callwatch.session_ends.session_id IS 'null: every session of the actor';
COMMENT ON COLUMN callwatch.session_ends.forget_at IS 'when no such session can last any longer';

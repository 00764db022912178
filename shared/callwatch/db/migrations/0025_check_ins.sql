-- Check-ins of the product's jobs: one row for each monitor, and its newest check-ins.

CREATE TABLE callwatch.check_in_monitors (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id     integer NOT NULL,
    environment    text NOT NULL,
    slug           text NOT NULL,
    config         jsonb,
    config_at      timestamptz,
    schedule_since timestamptz,
    first_at       timestamptz NOT NULL,
    last_at        timestamptz NOT NULL,
    UNIQUE (project_id, environment, slug)
);
COMMENT ON TABLE callwatch.check_in_monitors IS
    'config: schedule and limits as the newest check-in that brought some named them, at config_at; all times are the senders''.';

CREATE TABLE callwatch.check_ins (
    monitor_id   bigint NOT NULL REFERENCES callwatch.check_in_monitors (id) ON DELETE CASCADE,
    message_id   uuid NOT NULL,
    run_id       uuid,
    status       text NOT NULL CHECK (status IN ('in_progress', 'ok', 'error')),
    at           timestamptz NOT NULL,
    duration_s   double precision,
    release      text,
    PRIMARY KEY (monitor_id, message_id)
);
CREATE INDEX check_ins_newest ON callwatch.check_ins (monitor_id, at DESC);
COMMENT ON TABLE callwatch.check_ins IS
    'The newest of each monitor; older ones are deleted. The key makes one that is delivered twice count once.';

-- Projects that sent check-ins of more monitors than are kept.
CREATE TABLE callwatch.check_ins_refused (
    project_id   integer PRIMARY KEY,
    last_at      timestamptz NOT NULL,
    slug         text NOT NULL
);
COMMENT ON TABLE callwatch.check_ins_refused IS 'slug: of the last monitor that was not kept.';

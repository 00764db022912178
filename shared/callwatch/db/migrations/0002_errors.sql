-- Errors: occurrences by day, groups, and the counters that readers read instead of the history.

CREATE TABLE callwatch.error_groups (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id           integer NOT NULL,
    environment          text NOT NULL,
    fingerprint          text NOT NULL,
    title                text NOT NULL,
    type                 text,
    message              text NOT NULL,
    severity             text NOT NULL,
    category             text NOT NULL,
    endpoint             text,
    state                text NOT NULL DEFAULT 'new'
                         CHECK (state IN ('new', 'unresolved', 'resolved', 'ignored', 'regressed')),
    state_changed_at     timestamptz NOT NULL DEFAULT now(),
    resolved_in_release  text,
    ignored_until        timestamptz,
    ignored_until_count  bigint,
    count                bigint NOT NULL DEFAULT 0,
    users                bigint NOT NULL DEFAULT 0,
    first_seen_at        timestamptz NOT NULL,
    last_seen_at         timestamptz NOT NULL,
    first_release        text,
    release              text
);
-- Newest first within every filter that a list offers.
CREATE INDEX error_groups_seen ON callwatch.error_groups (last_seen_at DESC, id DESC);
CREATE INDEX error_groups_state ON callwatch.error_groups (state, last_seen_at DESC, id DESC);
CREATE INDEX error_groups_project ON callwatch.error_groups (project_id, environment, last_seen_at DESC, id DESC);
CREATE INDEX error_groups_words ON callwatch.error_groups
    USING gin (to_tsvector('simple', title || ' ' || message || ' ' || coalesce(type, '')));

-- Many fingerprints may mean one group: a newer version of the grouping keeps the groups of the older one.
CREATE TABLE callwatch.error_fingerprints (
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    fingerprint  text NOT NULL,
    group_id     bigint NOT NULL REFERENCES callwatch.error_groups (id),
    PRIMARY KEY (project_id, environment, fingerprint)
);
CREATE INDEX error_fingerprints_group ON callwatch.error_fingerprints (group_id);
CREATE INDEX error_fingerprints_alone ON callwatch.error_fingerprints (fingerprint);

CREATE TABLE callwatch.error_group_history (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id  bigint NOT NULL REFERENCES callwatch.error_groups (id),
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    action    text NOT NULL,
    reason    text
);
CREATE INDEX error_group_history_group ON callwatch.error_group_history (group_id, at DESC);

-- One row an occurrence; the key makes a second delivery of the same message harmless.
CREATE TABLE callwatch.error_logs (
    day          date NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    event_id     uuid NOT NULL,
    group_id     bigint NOT NULL,
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    severity     text NOT NULL,
    category     text NOT NULL,
    type         text,
    message      text NOT NULL,
    endpoint     text,
    release      text,
    service      text,
    user_hash    text,
    -- NULL where a spike of one group was sampled: the row still counts
    payload      json,
    PRIMARY KEY (day, project_id, environment, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX error_logs_group ON callwatch.error_logs (group_id, occurred_at DESC);
CREATE INDEX error_logs_critical ON callwatch.error_logs (occurred_at DESC) WHERE severity = 'critical';
INSERT INTO callwatch.partitioned_tables (table_name, storage_options) VALUES ('error_logs', 'toast_tuple_target = 8160');

CREATE TABLE callwatch.error_counts_hourly (
    hour         timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    severity     text NOT NULL,
    category     text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (hour, project_id, environment, severity, category)
);
-- The same by minute, kept for two days: "the last hour" ends now, not at the full hour.
CREATE TABLE callwatch.error_counts_by_minute (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    severity     text NOT NULL,
    category     text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (minute, project_id, environment, severity, category)
);
CREATE TABLE callwatch.error_counts_by_group (
    hour         timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    group_id     bigint NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (group_id, hour, project_id, environment)
);
CREATE INDEX error_counts_by_group_hour ON callwatch.error_counts_by_group (hour, count DESC);
CREATE TABLE callwatch.error_counts_by_endpoint (
    hour         timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    endpoint     text NOT NULL,
    count        bigint NOT NULL,
    last_at      timestamptz NOT NULL,
    last_error   text NOT NULL,
    PRIMARY KEY (hour, project_id, environment, endpoint)
);
-- Distinct users and releases of a group, by day: as many rows as there are, never more than occurrences.
CREATE TABLE callwatch.error_group_users (
    group_id   bigint NOT NULL,
    user_hash  text NOT NULL,
    PRIMARY KEY (group_id, user_hash)
);

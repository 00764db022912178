-- Groups in full: what they touched, how they are found among a million, and what the rules need to know of them.

ALTER TABLE callwatch.error_groups
    -- When the group was made, as against when its first occurrence happened: an error that comes late is news all the same.
    ADD COLUMN made_at timestamptz NOT NULL DEFAULT '-infinity',
    -- Occurrences whose payload was not kept.
    ADD COLUMN sampled bigint NOT NULL DEFAULT 0;
ALTER TABLE callwatch.error_groups ALTER COLUMN made_at SET DEFAULT now();

CREATE INDEX error_groups_made ON callwatch.error_groups (made_at DESC);
CREATE INDEX error_groups_regressed ON callwatch.error_groups (state_changed_at DESC) WHERE state = 'regressed';
CREATE INDEX error_groups_ignored ON callwatch.error_groups (ignored_until)
    WHERE state = 'ignored' AND ignored_until IS NOT NULL;
CREATE INDEX error_groups_open ON callwatch.error_groups (project_id, environment)
    WHERE state IN ('new', 'unresolved', 'regressed');
CREATE INDEX error_groups_severity ON callwatch.error_groups (severity, last_seen_at DESC, id DESC);
CREATE INDEX error_groups_category ON callwatch.error_groups (category, last_seen_at DESC, id DESC);
CREATE INDEX error_groups_environment ON callwatch.error_groups (environment, last_seen_at DESC, id DESC);
CREATE INDEX error_groups_type ON callwatch.error_groups (type, last_seen_at DESC, id DESC);

-- The words of a dotted type ("psycopg2.errors.UndefinedColumn") and of the endpoint are found, too.
DROP INDEX callwatch.error_groups_words;
CREATE INDEX error_groups_words ON callwatch.error_groups USING gin (to_tsvector('simple',
    message || ' ' || coalesce(type, '') || ' ' || translate(coalesce(type, ''), '._:', '   ') || ' ' || translate(coalesce(endpoint, ''), '/', ' ')));

-- Tags as "key:value", apart from the group, whose row changes with each flush while its tags hardly ever do.
CREATE TABLE callwatch.error_group_tags (
    group_id  bigint PRIMARY KEY,
    tags      text[] NOT NULL
);
CREATE INDEX error_group_tags_tags ON callwatch.error_group_tags USING gin (tags);

CREATE TABLE callwatch.error_group_releases (
    group_id       bigint NOT NULL,
    release        text NOT NULL,
    count          bigint NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    PRIMARY KEY (group_id, release)
);
CREATE INDEX error_group_releases_release ON callwatch.error_group_releases (release, group_id);

-- Kept for two hours: whether a group spikes is a question of the last minutes.
CREATE TABLE callwatch.error_counts_by_group_minute (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    group_id     bigint NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (minute, group_id, project_id, environment)
);

-- Kept for two days: errors that PostgreSQL itself named by a code.
CREATE TABLE callwatch.error_counts_by_sqlstate (
    minute       timestamptz NOT NULL,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    sqlstate     text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (minute, project_id, environment, sqlstate)
);

-- What sentry-cli reports of releases: when one was made and finalized, its commits, and where it was deployed.

CREATE TABLE callwatch.reported_releases (
    project_id    integer NOT NULL,
    release       text NOT NULL,
    created_at    timestamptz NOT NULL,
    finalized_at  timestamptz,
    ref           text,
    url           text,
    commits       jsonb NOT NULL DEFAULT '[]',
    commit_count  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, release)
);
CREATE INDEX reported_releases_created ON callwatch.reported_releases (created_at);
COMMENT ON COLUMN callwatch.reported_releases.commits IS
    'The newest 100: id, time and first line of the message, scrubbed; no author.';

CREATE TABLE callwatch.deploys (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id    integer NOT NULL,
    release       text NOT NULL,
    environment   text NOT NULL,
    name          text,
    url           text,
    started_at    timestamptz,
    finished_at   timestamptz NOT NULL,
    UNIQUE (project_id, release, environment, finished_at)
);
CREATE INDEX deploys_finished ON callwatch.deploys (finished_at);
COMMENT ON TABLE callwatch.deploys IS 'The key makes a report that is sent twice count once.';

-- What people publish of incidents on the public status page, in their own words.

CREATE TABLE callwatch.publications (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL UNIQUE REFERENCES callwatch.incidents (id),
    title        text NOT NULL,
    impact       text NOT NULL,
    components   text[] NOT NULL,
    status       text NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    resolved_at  timestamptz
);
CREATE INDEX publications_created ON callwatch.publications (created_at DESC, id DESC);
CREATE INDEX publications_open ON callwatch.publications (id) WHERE resolved_at IS NULL;

CREATE TABLE callwatch.publication_updates (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id  bigint NOT NULL REFERENCES callwatch.publications (id),
    at              timestamptz NOT NULL,
    status          text NOT NULL,
    body            text NOT NULL,
    actor           text NOT NULL
);
CREATE INDEX publication_updates_of ON callwatch.publication_updates (publication_id, id DESC);
COMMENT ON COLUMN callwatch.publication_updates.actor IS 'who published it; the public page does not show it';

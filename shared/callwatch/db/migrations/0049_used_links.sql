-- Links in messages that somebody used: each takes charge of an alert once.

CREATE TABLE callwatch.used_links (
    link_hash  text PRIMARY KEY,
    alert_id   text NOT NULL,
    channel    text NOT NULL,
    used_at    timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL
);
CREATE INDEX used_links_ends ON callwatch.used_links (ends_at);
COMMENT ON TABLE callwatch.used_links IS 'Deleted after their end, when a link is refused in any case.';

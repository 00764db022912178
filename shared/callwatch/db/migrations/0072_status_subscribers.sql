-- Who is notified by webhook of what people publish on the public status page.

CREATE TABLE callwatch.status_subscribers (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url              text NOT NULL UNIQUE,
    components       text[] NOT NULL,
    salt             text NOT NULL,
    created_at       timestamptz NOT NULL,
    created_by       text NOT NULL,
    switched_off_at  timestamptz
);
COMMENT ON COLUMN callwatch.status_subscribers.components IS 'ids of the page''s components; none: all, those of later included';
COMMENT ON COLUMN callwatch.status_subscribers.salt IS
    'Random: the signing secret is derived from it by a key that the database does not hold, and is stored nowhere.';
COMMENT ON COLUMN callwatch.status_subscribers.switched_off_at IS 'when it was given up, since nothing was delivered for days';

-- Source maps that sentry-cli uploads: bundles in the store of files, and where in them each script and its map lie.

CREATE TABLE callwatch.source_bundles (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id   integer NOT NULL,
    checksum     text NOT NULL,
    release      text NOT NULL DEFAULT '',
    dist         text NOT NULL DEFAULT '',
    size_bytes   bigint NOT NULL,
    uploaded_at  timestamptz NOT NULL DEFAULT now(),
    used_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, checksum)
);
CREATE INDEX source_bundles_used ON callwatch.source_bundles (used_at);
COMMENT ON TABLE callwatch.source_bundles IS 'Bundles of sentry-cli; the file lies in the store under project and checksum.';
COMMENT ON COLUMN callwatch.source_bundles.used_at IS
    'The day of the last upload or use: a release that still runs keeps its maps, however old they are.';

CREATE TABLE callwatch.source_maps (
    bundle_id      bigint NOT NULL REFERENCES callwatch.source_bundles ON DELETE CASCADE,
    url            text NOT NULL,
    debug_id       text,
    script_method  smallint,
    script_start   bigint,
    script_bytes   bigint,
    map_method     smallint,
    map_start      bigint,
    map_bytes      bigint,
    PRIMARY KEY (bundle_id, url)
);
CREATE INDEX source_maps_debug_id ON callwatch.source_maps (debug_id) WHERE debug_id IS NOT NULL;
COMMENT ON COLUMN callwatch.source_maps.map_start IS
    'The first byte in the bundle, and how it is compressed (0: not at all, 8: deflate); null if the bundle has no such file.';

ALTER TABLE callwatch.error_fingerprints ADD COLUMN replaces text;
CREATE INDEX error_fingerprints_replaces ON callwatch.error_fingerprints (project_id, environment, replaces)
    WHERE replaces IS NOT NULL;
COMMENT ON COLUMN callwatch.error_fingerprints.replaces IS
    'The fingerprint by the minified stack, whose group this one took over when its source map was there.';

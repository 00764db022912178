-- Payloads outside of PostgreSQL: the objects in the store of files, and where in them an occurrence's payload lies.

CREATE TABLE callwatch.payload_objects (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day         date NOT NULL,
    project_id  integer NOT NULL,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    is_stored   boolean NOT NULL DEFAULT false
);
CREATE INDEX payload_objects_day ON callwatch.payload_objects (day);
CREATE INDEX payload_objects_unstored ON callwatch.payload_objects (created_at) WHERE NOT is_stored;
COMMENT ON TABLE callwatch.payload_objects IS 'One object a batch, day and project; the name is that in the store of files.';
COMMENT ON COLUMN callwatch.payload_objects.is_stored IS
    'False from before the object is written until the occurrences in it are committed: what stays false is an orphan.';

ALTER TABLE callwatch.error_logs
    ADD COLUMN payload_object bigint, ADD COLUMN payload_start integer, ADD COLUMN payload_bytes integer;
COMMENT ON COLUMN callwatch.error_logs.payload_object IS
    'The object that holds the payload, from payload_start on. What describes the occurrence then stands only there.';

-- Occurrences whose rows have left PostgreSQL: days that must not leave, what an object holds, and how far an erasure is in them.

CREATE TABLE callwatch.unarchived_days (
    day  date PRIMARY KEY
);
COMMENT ON TABLE callwatch.unarchived_days IS
    'Days with occurrences that no object holds: their rows are the only copy, and stay for RETENTION_DAYS.';
-- Rows that are stored already are not looked at: of these days all stay.
INSERT INTO callwatch.unarchived_days
    SELECT to_date(substring(child.relname FROM '[0-9]{8}$'), 'YYYYMMDD')
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'callwatch.error_logs'::regclass;

ALTER TABLE callwatch.payload_objects ADD COLUMN members bytea;
-- Bits of a filter do not compress.
ALTER TABLE callwatch.payload_objects ALTER COLUMN members SET STORAGE EXTERNAL;
COMMENT ON COLUMN callwatch.payload_objects.members IS
    'A bloom filter of the events and users in the object; null: not known, so the object has to be read.';

ALTER TABLE callwatch.user_erasures ADD COLUMN last_archived bigint DEFAULT 0;
COMMENT ON COLUMN callwatch.user_erasures.last_archived IS
    'The object up to which the archive was searched, once no day is left; null: it was searched as a whole.';

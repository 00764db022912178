-- The SQLSTATE of a group's first occurrence, by which its alert is known to follow from broken queries of that state.

ALTER TABLE callwatch.error_groups ADD COLUMN sqlstate text;

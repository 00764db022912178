-- Levels of groups, and the way from the first version of the grouping rules to the second.

-- The highest level among the occurrences of a group; NULL: not seen since levels are recorded.
ALTER TABLE callwatch.error_groups ADD COLUMN level text;
COMMENT ON COLUMN callwatch.error_groups.level IS 'debug, info, warning, error or fatal: the highest of the occurrences.';

-- Groups that report no failure; readers of errors leave them out.
CREATE INDEX error_groups_quiet ON callwatch.error_groups (id) WHERE level IN ('debug', 'info');
DROP INDEX callwatch.error_groups_open;
CREATE INDEX error_groups_open ON callwatch.error_groups (project_id, environment)
    WHERE state IN ('new', 'unresolved', 'regressed') AND (level IS NULL OR level NOT IN ('debug', 'info'));

-- Whether groups of the first version are left, and which: empty on a new installation, and after the retention on any other.
CREATE INDEX error_fingerprints_older ON callwatch.error_fingerprints (project_id, environment, fingerprint)
    WHERE left(fingerprint, 2) = '1:';

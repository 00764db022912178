-- Lists of error groups are sorted by level, release and service, too; each order has an index, which ends with the id.

ALTER TABLE callwatch.error_groups ADD COLUMN service text;
UPDATE callwatch.error_groups SET service = substr(tag, length('service:') + 1)
FROM callwatch.error_group_tags, unnest(tags) AS tag WHERE group_id = id AND tag LIKE 'service:%';

CREATE INDEX error_groups_level
    ON callwatch.error_groups (coalesce(array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], level), 0) DESC, id DESC);
CREATE INDEX error_groups_release ON callwatch.error_groups (coalesce(release, '') DESC, id DESC);
CREATE INDEX error_groups_service ON callwatch.error_groups (coalesce(service, '') DESC, id DESC);

-- Work on groups: merged groups, owners, details of what was done, and what was deleted.

ALTER TABLE callwatch.error_groups ADD COLUMN assigned_to text;
ALTER TABLE callwatch.error_group_history ADD COLUMN details text;
COMMENT ON COLUMN callwatch.error_group_history.details IS 'What the action meant: the group that was merged, the owner, the fingerprint.';

-- A merged group is gone; its id and its occurrences lead to the group that took it.
CREATE TABLE callwatch.error_group_merges (
    merged_id  bigint PRIMARY KEY,
    group_id   bigint NOT NULL,
    merged_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX error_group_merges_group ON callwatch.error_group_merges (group_id);

-- A deleted occurrence keeps its key, so that a second delivery does not bring it back; everything else of it is gone.
ALTER TABLE callwatch.error_logs ADD COLUMN deleted_at timestamptz;

-- Who deleted what, and why. Neither a title nor a message: a deletion may be about these.
CREATE TABLE callwatch.error_deletions (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    reason       text,
    project_id   integer NOT NULL,
    environment  text NOT NULL,
    group_id     bigint NOT NULL,
    -- NULL: the whole group
    event_id     uuid,
    fingerprint  text NOT NULL,
    occurrences  bigint NOT NULL,
    -- The ids under which rows of a deleted group are stored; the monitor deletes them in parts until finished_at.
    stored_ids   bigint[] NOT NULL DEFAULT '{}',
    finished_at  timestamptz
);
CREATE INDEX error_deletions_open ON callwatch.error_deletions (id) WHERE finished_at IS NULL;
CREATE INDEX error_deletions_at ON callwatch.error_deletions (at);

-- What search finds a group by, apart from the group, whose row changes with each flush while its words never do: in an
-- index on the group itself every occurrence would write all of them again.

-- Also takes the lock that all of this needs, before anything is read.
DROP INDEX callwatch.error_groups_words;

CREATE TABLE callwatch.error_group_words (
    group_id  bigint PRIMARY KEY,
    words     tsvector NOT NULL
);

-- The words of a dotted type ("psycopg2.errors.UndefinedColumn") and of the endpoint are found, too.
CREATE FUNCTION callwatch.note_group_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO callwatch.error_group_words (group_id, words)
    SELECT id, to_tsvector('simple', message || ' ' || coalesce(type, '') || ' ' || translate(coalesce(type, ''), '._:', '   ')
                           || ' ' || translate(coalesce(endpoint, ''), '/', ' '))
    FROM made;
    RETURN NULL;
END
$$;
CREATE TRIGGER error_groups_words AFTER INSERT ON callwatch.error_groups
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION callwatch.note_group_words();

INSERT INTO callwatch.error_group_words (group_id, words)
SELECT id, to_tsvector('simple', message || ' ' || coalesce(type, '') || ' ' || translate(coalesce(type, ''), '._:', '   ')
                       || ' ' || translate(coalesce(endpoint, ''), '/', ' '))
FROM callwatch.error_groups;
CREATE INDEX error_group_words_words ON callwatch.error_group_words USING gin (words);

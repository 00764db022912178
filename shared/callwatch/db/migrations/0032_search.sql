-- Search by words inside of hosts, paths and identifiers, by users and by event ids; lists in other orders.

-- The digest now writes the words of a new group itself, with those of its stack. Functions of the release before leave that to
-- this trigger, which finds nearly as much; the groups so far get their words in the same way.
CREATE FUNCTION callwatch.list_group_words(given text) RETURNS tsvector LANGUAGE plpgsql STABLE AS $$
DECLARE
    plain text := regexp_replace(given, '[[:punct:][:space:][:cntrl:]]+', ' ', 'g');
    split text := regexp_replace(plain, '([[:lower:]0-9])([[:upper:]])', '\1 \2', 'g');
    joined text := regexp_replace(replace(given, '_', ''), '[[:punct:][:space:][:cntrl:]]+', ' ', 'g');
    words text := plain || ' ' || split || ' ' || joined;
BEGIN
    -- Parsed only here, so that a database of another encoding never sees these letters.
    IF getdatabaseencoding() = 'UTF8' THEN
        words := words || ' ' || translate(lower(words),
            U&'\00e0\00e1\00e2\00e3\00e4\00e5\00e7\00e8\00e9\00ea\00eb\00ec\00ed\00ee\00ef\00f1\00f2\00f3\00f4\00f5\00f6\00f8\00f9\00fa\00fb\00fc\00fd\00ff\00c0\00c1\00c2\00c3\00c4\00c5\00c7\00c8\00c9\00ca\00cb\00cc\00cd\00ce\00cf\00d1\00d2\00d3\00d4\00d5\00d6\00d8\00d9\00da\00db\00dc\00dd',
            'aaaaaaceeeeiiiinoooooouuuuyyaaaaaaceeeeiiiinoooooouuuuy');
    END IF;
    RETURN strip(to_tsvector('simple', words));
END
$$;

CREATE OR REPLACE FUNCTION callwatch.note_group_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('callwatch.has_words', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO callwatch.error_group_words (group_id, words)
        SELECT id, callwatch.list_group_words(left(message, 4000) || ' ' || coalesce(type, '') || ' ' || coalesce(endpoint, ''))
        FROM made;
    END IF;
    RETURN NULL;
END
$$;

UPDATE callwatch.error_group_words AS known
SET words = strip(known.words) || callwatch.list_group_words(
    left(groups.message, 4000) || ' ' || coalesce(groups.type, '') || ' ' || coalesce(groups.endpoint, ''))
FROM callwatch.error_groups AS groups WHERE groups.id = known.group_id;

CREATE INDEX error_group_users_user ON callwatch.error_group_users (user_hash, group_id);

CREATE INDEX error_groups_first_seen ON callwatch.error_groups (first_seen_at DESC, id DESC);
CREATE INDEX error_groups_count ON callwatch.error_groups (count DESC, id DESC);
CREATE INDEX error_groups_users ON callwatch.error_groups (users DESC, id DESC);

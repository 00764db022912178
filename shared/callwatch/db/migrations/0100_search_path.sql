-- A role named like our schema would find our tables before those of the product: its alerts, releases or replays would be ours.

DO $$
DECLARE
    path text := current_setting('search_path');
BEGIN
    IF current_user = 'callwatch' AND path LIKE '%"$user"%' THEN
        path := trim(BOTH ', ' FROM regexp_replace(path, '"\$user"\s*,?\s*', ''));
        EXECUTE format('ALTER ROLE callwatch IN DATABASE %I SET search_path = %s', current_database(), coalesce(nullif(path, ''), 'public'));
    END IF;
END
$$;

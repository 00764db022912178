-- Routes that people make through the API: each change is a version of them all, and the newest version is in force.

CREATE TABLE callwatch.route_versions (
    version  bigint PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    reason   text NOT NULL,
    -- what changed, in words and route by route: name, action, before, after
    summary  text NOT NULL,
    changes  jsonb NOT NULL,
    -- in their order, each as ROUTES_FILE would hold it
    routes   jsonb NOT NULL
);
CREATE INDEX route_versions_at ON callwatch.route_versions (at);

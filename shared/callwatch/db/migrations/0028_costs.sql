-- What the product's items cost by day. Rows of the product's queues vanish after a week; these sums remain.

CREATE TABLE callwatch.cost_days (
    day          date PRIMARY KEY,
    computed_at  timestamptz NOT NULL,
    prices       text NOT NULL,
    calls        bigint NOT NULL,
    problem      jsonb
);
COMMENT ON TABLE callwatch.cost_days IS
    'prices: a hash of the prices that the day was computed with. problem: why the day has no sums.';

CREATE TABLE callwatch.cost_tenants (
    day             date NOT NULL REFERENCES callwatch.cost_days (day) ON DELETE CASCADE,
    tenant          text NOT NULL,
    calls           bigint NOT NULL,
    unpriced_calls  bigint NOT NULL,
    usd             numeric NOT NULL,
    PRIMARY KEY (day, tenant)
);
COMMENT ON TABLE callwatch.cost_tenants IS 'usd: of the calls all of whose usage has a price; the empty tenant: not recorded.';

CREATE TABLE callwatch.cost_counts (
    day     date NOT NULL REFERENCES callwatch.cost_days (day) ON DELETE CASCADE,
    usd     numeric(16, 4) NOT NULL,
    calls   bigint NOT NULL,
    PRIMARY KEY (day, usd)
);
COMMENT ON TABLE callwatch.cost_counts IS 'How many calls of a day cost so much, in steps of a hundredth of a cent: for percentiles.';

CREATE TABLE callwatch.cost_usage (
    day       date NOT NULL REFERENCES callwatch.cost_days (day) ON DELETE CASCADE,
    service   text NOT NULL,
    model     text NOT NULL,
    unit      text NOT NULL,
    quantity  numeric NOT NULL,
    usd       numeric,
    PRIMARY KEY (day, service, model, unit)
);
COMMENT ON TABLE callwatch.cost_usage IS 'The unit call counts the calls that used the model. usd: NULL without a price.';

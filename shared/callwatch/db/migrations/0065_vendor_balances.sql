-- What is left on the accounts of vendors, as their own API says.

CREATE TABLE callwatch.vendor_balances (
    service  text NOT NULL,
    project  text NOT NULL,
    at       timestamptz NOT NULL,
    usd      numeric NOT NULL,
    PRIMARY KEY (service, project, at)
);

CREATE TABLE callwatch.vendor_balance_reads (
    service   text PRIMARY KEY,
    asked_at  timestamptz NOT NULL,
    problem   jsonb
);
COMMENT ON COLUMN callwatch.vendor_balance_reads.problem IS 'Why the last reading gave none, as a code and a message.';

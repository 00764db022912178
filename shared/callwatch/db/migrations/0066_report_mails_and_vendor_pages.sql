-- Which reports were queued as mails: each is sent once, whatever becomes of its delivery.

CREATE TABLE callwatch.report_mails (
    report     text NOT NULL,
    channel    text NOT NULL,
    queued_at  timestamptz NOT NULL,
    PRIMARY KEY (report, channel)
);

-- What vendors say of their own incidents: a note next to an alert, and no measurement.

CREATE TABLE callwatch.vendor_pages (
    service   text PRIMARY KEY,
    asked_at  timestamptz NOT NULL
);

CREATE TABLE callwatch.vendor_incidents (
    service      text NOT NULL,
    id           text NOT NULL,
    title        text NOT NULL,
    started_at   timestamptz NOT NULL,
    resolved_at  timestamptz,
    PRIMARY KEY (service, id)
);
CREATE INDEX vendor_incidents_started ON callwatch.vendor_incidents (started_at);

-- Which reports were queued as mails: each is sent once, whatever becomes of its delivery.

CREATE TABLE callwatch.report_mails (
    report     text NOT NULL,
    channel    text NOT NULL,
    queued_at  timestamptz NOT NULL,
    PRIMARY KEY (report, channel)
);

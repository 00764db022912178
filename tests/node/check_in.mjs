// A Node.js job with the real SDK: one run that succeeds, one that fails, as the test names them.
import * as Sentry from "@sentry/node";

const { DSN, MARKER } = process.env;

Sentry.init({ dsn: DSN, environment: "staging", defaultIntegrations: false });

await Sentry.withMonitor(`good-${MARKER}`, async () => {}, {
  schedule: { type: "crontab", value: "*/10 * * * *" },
  timezone: "Europe/Berlin",
  checkinMargin: 2,
  maxRuntime: 15,
});
try {
  await Sentry.withMonitor(`bad-${MARKER}`, async () => {
    throw new Error("the job fails");
  });
} catch {
  // It is reported as a check-in; the error itself would be another test's.
}
process.exit((await Sentry.flush(10_000)) ? 0 : 1);

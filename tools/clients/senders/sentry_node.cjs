// Three errors, with any version of Sentry's SDK for Node.js.
const Sentry = require("@sentry/node");

Sentry.init({ dsn: process.env.DSN });
for (const word of ["first", "second", "third"]) {
  Sentry.captureException(new Error(`${word} error of ${process.env.MARKER}`));
}
Sentry.flush(20_000).then((isSent) => process.exit(isSent ? 0 : 1));

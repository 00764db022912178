// Three errors, and two requests if traces are on, with any version of Sentry's SDK for Node.js.
const Sentry = require("@sentry/node");

const hasTraces = process.env.TRACES === "1";
Sentry.init({ dsn: process.env.DSN, ...(hasTraces ? { tracesSampleRate: 1 } : {}) });
for (const word of ["first", "second", "third"]) {
  Sentry.captureException(new Error(`${word} error of ${process.env.MARKER}`));
}
for (let number = 0; hasTraces && number < 2; number++) {
  const name = `GET /clients/${process.env.MARKER}`;
  const attributes = { "sentry.source": "route", "http.request.method": "GET" };
  Sentry.startSpan({ op: "http.server", name, attributes, forceTransaction: true }, () => {});
}
Sentry.flush(20_000).then((isSent) => process.exit(isSent ? 0 : 1));

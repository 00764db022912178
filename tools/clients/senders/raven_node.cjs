// Three errors with raven, the SDK before @sentry/node.
const Raven = require("raven");

Raven.config(process.env.DSN.replace("@", ":x@")).install();
let open = 3;
for (const word of ["first", "second", "third"]) {
  Raven.captureException(new Error(`${word} error of ${process.env.MARKER}`), (error) => {
    if (error) process.exit(1);
    if (--open === 0) process.exit(0);
  });
}

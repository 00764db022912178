// Three messages with sentry-cli, which comes as a package for each platform.
const { execFileSync } = require("node:child_process");
const { readdirSync } = require("node:fs");
const path = require("node:path");

const folder = path.join(__dirname, "node_modules", "@sentry");
const platform = readdirSync(folder).find((name) => name.startsWith("cli-"));
const program = path.join(folder, platform, "bin", "sentry-cli");
for (const word of ["first", "second", "third"]) {
  const message = `${word} message of ${process.env.MARKER}`;
  execFileSync(program, ["send-event", "-m", message], { env: { ...process.env, SENTRY_DSN: process.env.DSN } });
}

/** Bundles the tests of the page and runs them on Node's own test runner. `npm test -- banner` runs the files named so. */
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { DOCUMENT_START, listRunbooks, listSteps, OTHER_PAGES, writeText } from "./documents.mjs";

// A busy machine is not a failure; the tests take about three seconds.
const TIMEOUT_MS = 120_000;
const folder = fileURLToPath(new URL("../tests", import.meta.url));
// Below node_modules, so that the bundled tests find the packages that stay outside of them.
const outdir = fileURLToPath(new URL(`../node_modules/.cache/callwatch-tests-${process.pid}`, import.meta.url));

const wanted = process.argv.slice(2);
const files = (await readdir(folder)).filter((name) => /\.test\.tsx?$/.test(name) && wanted.every((word) => name.includes(word)));
try {
  await build({
    entryPoints: files.map((name) => join(folder, name)),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    jsx: "automatic",
    jsxImportSource: "preact",
    external: ["happy-dom", "@testing-library/dom", "markdown-it"],
    define: {
      OTHER_PAGES: writeText(OTHER_PAGES),
      DOCUMENT_START: JSON.stringify(DOCUMENT_START),
      RUNBOOKS: writeText(await listRunbooks(fileURLToPath(new URL("../../docs", import.meta.url)))),
      RUNBOOK_STEPS: writeText(await listSteps(fileURLToPath(new URL("../../docs", import.meta.url)))),
      DASHBOARD: JSON.stringify(fileURLToPath(new URL("..", import.meta.url))),
    },
    logLevel: "warning",
  });
  const bundles = files.map((name) => join(outdir, name.replace(/\.tsx?$/, ".mjs")));
  const done = spawnSync(process.execPath, ["--test", `--test-timeout=${TIMEOUT_MS}`, ...bundles], { stdio: "inherit" });
  process.exitCode = done.status ?? 1;
} finally {
  await rm(outdir, { recursive: true, force: true });
}

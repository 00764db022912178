/** Runs the tests that need no browser, on Node's own test runner. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "callwatch-page-"));
const outfile = join(folder, "pure.test.mjs");
const entryPoints = [fileURLToPath(new URL("../tests/pure.test.ts", import.meta.url))];
// The few modules that look at the page on loading find a bare one.
const banner = { js: "globalThis.location ??= { search: '', hash: '' }; globalThis.document ??= { addEventListener() {} };" };
await build({
  entryPoints,
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  banner,
});
const done = spawnSync(process.execPath, ["--test", outfile], { stdio: "inherit" });
await rm(folder, { recursive: true });
process.exit(done.status ?? 1);

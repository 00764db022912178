/**
 * Builds the page into dist/: one script, one stylesheet (named by their content), the runbooks. Fails when it grew too fat.
 *
 * With --check it builds into a folder that is thrown away, so that a page in use stays as it is.
 */
import { build } from "esbuild";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 60;
// The pages that runbooks lead to, and those that these lead to.
const BESIDE = ["troubleshooting", "alerting", "scaling", "deployment", "configuration", "incidents"];
const here = new URL("..", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, here));

const dist = process.argv.includes("--check") ? await mkdtemp(join(tmpdir(), "callwatch-page-")) : path("dist");
await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "assets"), { recursive: true });
const { metafile } = await build({
  entryPoints: { app: path("src/main.tsx"), style: path("src/style.css") },
  outdir: join(dist, "assets"),
  entryNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  define: { BESIDE: JSON.stringify(BESIDE) },
  logLevel: "warning",
});

// A page held in a cache asks for exactly the files it was built with.
const built = Object.keys(metafile.outputs).map((name) => name.split("/").at(-1));
const file = (pattern) => built.find((name) => pattern.test(name));
const page = (await readFile(path("src/index.html"), "utf8"))
  .replace("app.js", file(/^app-.*\.js$/))
  .replace("style.css", file(/^style-.*\.css$/));
await writeFile(join(dist, "index.html"), page);

await cp(path("../docs/runbooks"), join(dist, "assets", "runbooks"), { recursive: true });
// Where the links of runbooks expect them.
for (const name of BESIDE) await cp(path(`../docs/${name}.md`), join(dist, "assets", `${name}.md`));

let total = 0;
for (const name of ["index.html", ...built.map((found) => `assets/${found}`)]) {
  const size = gzipSync(await readFile(join(dist, name))).length;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(6)} KB gzip  ${name}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(6)} KB gzip  in all (at most ${LIMIT_KB})`);
if (process.argv.includes("--check")) await rm(dist, { recursive: true });
if (total > LIMIT_KB * 1024) {
  console.error(`build: the first view is ${(total / 1024).toFixed(1)} KB gzip, more than ${LIMIT_KB} KB`);
  process.exit(1);
}

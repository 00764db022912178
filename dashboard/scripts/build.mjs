/**
 * Builds the page into dist/: scripts and stylesheets (named by their content), the icons, the runbooks. Fails above the size limit.
 *
 * With --into DIR it builds there. With --check it builds into a folder that is thrown away, so that the page in use does not
 * change.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { DOCUMENT_START, listRunbooks, listSteps, OTHER_PAGES, writeDocuments, writeText } from "./documents.mjs";

const LIMIT_KB = 60;
const here = new URL("..", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, here));

/** The npm packages among the files of a bundle. */
function listPackages(inputs) {
  const names = Object.keys(inputs).map((name) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1]);
  return [...new Set(names)].filter(Boolean).sort();
}

const into = process.argv.indexOf("--into") + 1;
const chosen = into ? resolve(process.argv[into]) : path("dist");
const dist = process.argv.includes("--check") ? await mkdtemp(join(tmpdir(), "callwatch-page-")) : chosen;
await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "assets"), { recursive: true });
const { metafile } = await build({
  entryPoints: { app: path("src/main.tsx"), style: path("src/style.css"), "later-style": path("src/later.css") },
  outdir: join(dist, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  define: {
    OTHER_PAGES: writeText(OTHER_PAGES),
    DOCUMENT_START: JSON.stringify(DOCUMENT_START),
    RUNBOOKS: writeText(await listRunbooks(path("../docs"))),
    RUNBOOK_STEPS: writeText(await listSteps(path("../docs"))),
  },
  logLevel: "warning",
});

/** The files that the browser loads before a script runs: the script, and what it and those import. */
function listImports(outputs, name, found = new Set([name])) {
  for (const { path, kind } of outputs[name].imports) {
    if (kind === "import-statement" && !found.has(path)) listImports(outputs, path, found.add(path));
  }
  return [...found];
}

// A cached page requests exactly the files it was built with.
const shorten = (name) => name.split("/").at(-1);
const find = (pattern) => Object.keys(metafile.outputs).find((name) => pattern.test(shorten(name)));
const [script, ...others] = listImports(metafile.outputs, find(/^app-.*\.js$/)).map(shorten);
const style = shorten(find(/^style-.*\.css$/));
const laterStyle = shorten(find(/^later-style-.*\.css$/));
// Without the hints, the browser learns of the other scripts only from the first.
const hints = others.map((name) => `<link rel="modulepreload" href="/admin/assets/${name}">\n    `).join("");
const page = (await readFile(path("src/index.html"), "utf8"))
  .replace("app.js", script)
  .replace("style.css", style)
  .replace("later.css", laterStyle)
  .replace('<script type="module"', `${hints}<script type="module"`);
await writeFile(join(dist, "index.html"), page);

await cp(path("src/icons"), join(dist, "assets"), { recursive: true });
await writeDocuments(path("../docs"), join(dist, "assets"));

const first = [script, ...others, style].map((name) => `assets/${name}`);
const later = Object.keys(metafile.outputs)
  .map((name) => `assets/${shorten(name)}`)
  .filter((name) => !first.includes(name));
let total = 0;
for (const name of ["index.html", ...first, ...later]) {
  const size = gzipSync(await readFile(join(dist, name))).length;
  if (!later.includes(name)) total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(6)} KB gzip  ${name}${later.includes(name) ? "  (with its view)" : ""}`);
}
console.log(`packages in it: ${listPackages(metafile.inputs).join(", ")}`);
console.log(`${(total / 1024).toFixed(1).padStart(6)} KB gzip  in the first view (at most ${LIMIT_KB})`);
if (process.argv.includes("--check")) await rm(dist, { recursive: true });
if (total > LIMIT_KB * 1024) {
  console.error(`build: the first view is ${(total / 1024).toFixed(1)} KB gzip, more than ${LIMIT_KB} KB`);
  process.exit(1);
}

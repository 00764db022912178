/** Builds the page: its files as they are, and the runbooks that alerts link to. */
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = new URL("..", import.meta.url);
const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, here));

await rm(path("dist"), { recursive: true, force: true });
await mkdir(path("dist/assets"), { recursive: true });
await cp(path("src/index.html"), path("dist/index.html"));
for (const name of ["app.js", "api.js", "dom.js", "panels.js", "format.js", "style.css"]) {
  await cp(path(`src/${name}`), path(`dist/assets/${name}`));
}
await cp(path("../docs/runbooks"), path("dist/assets/runbooks"), { recursive: true });

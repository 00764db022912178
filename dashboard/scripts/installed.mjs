/** Exits with 1 unless node_modules holds what package-lock.json names, whatever the times of the files. */
import { readFile } from "node:fs/promises";

const read = async (name) => JSON.parse(await readFile(new URL(`../${name}`, import.meta.url), "utf8")).packages;
const wanted = await read("package-lock.json");
const found = await read("node_modules/.package-lock.json").catch(() => ({}));
// An optional package is one for another platform.
const isMissing = ([name, entry]) => name && !entry.optional && found[name]?.version !== entry.version;
process.exit(Object.entries(wanted).some(isMissing) ? 1 : 0);

/** The page's own source: imports point down, and nothing decides by the text of a message. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

declare const DASHBOARD: string;
const SRC = join(DASHBOARD, "src");
const FILES = readdirSync(SRC, { recursive: true })
  .map(String)
  .filter((name) => /\.tsx?$/.test(name))
  .sort();
/** Lower rooms first. A feature imports no other feature, except those that put features together. */
const ROOMS = ["lib", "ui", "charts", "features"];
const COMPOSING = ["features/frame", "features/overview"];

function listImports(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/from "(\.[^"]+)"/g)].map(([, path = ""]) => normalize(join(dirname(file), path)));
}

function rankRoom(file: string): number {
  const room = file.split("/")[0] ?? "";
  return ROOMS.includes(room) ? ROOMS.indexOf(room) : ROOMS.length;
}

function nameFeature(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

test("imports point down", () => {
  assert.ok(FILES.length > 40);
  for (const file of FILES) {
    for (const target of listImports(file)) {
      assert.ok(rankRoom(target) <= rankRoom(file), `${file} imports ${target}`);
      const isAcross =
        file.startsWith("features/") && target.startsWith("features/") && nameFeature(file) !== nameFeature(target);
      assert.ok(!isAcross || COMPOSING.includes(nameFeature(file)), `${file} imports ${target}`);
    }
  }
});

test("no message is searched, split or compared", () => {
  const decides =
    /\b(message|title|sentence|details|why|reason)\b\??(\.message)?\.(match|matchAll|test|search|split|includes|startsWith|endsWith|indexOf|replace)\(|(?<!typeof [\w.]*)\bmessage\)?\s*[!=]==/;
  const tests = /\/[^/\n]+\/[a-z]*\.(test|exec)\([^)]*\b(message|title|sentence|details|reason)\b/;
  const splits = /\.split\((["'`])[:.;,] ?\1\)/;
  const found = FILES.flatMap((file) =>
    readFileSync(join(SRC, file), "utf8")
      .split("\n")
      .filter((line) => decides.test(line) || tests.test(line) || (splits.test(line) && !/affects|path|token/.test(line)))
      .map((line) => `${file}: ${line.trim()}`),
  );
  assert.deepEqual(found, []);
});

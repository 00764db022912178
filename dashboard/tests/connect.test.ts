/** The DSN of a client, and the snippets that hold it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildDsn, SNIPPETS } from "../src/features/connect/snippets";

test("a DSN is of the page's own host", () => {
  assert.equal(buildDsn("http://127.0.0.1:3000", "k", "2"), "http://k@127.0.0.1:3000/2");
  assert.equal(buildDsn("https://ops.example.com", "a/b@c", ""), "https://a%2Fb%40c@ops.example.com/1");
  assert.equal(buildDsn("https://ops.example.com", "", "1"), "https://INGEST_KEY@ops.example.com/1");
});

test("at least five clients have a snippet with the DSN", () => {
  assert.ok(Object.keys(SNIPPETS).length >= 5);
  for (const write of Object.values(SNIPPETS)) assert.match(write("https://k@host/1"), /https:\/\/k@host\/1/);
});

test("a snippet is a whole file, which runs in an empty folder", () => {
  const write = (language: string) => SNIPPETS[language]?.("https://k@host/1") ?? "";
  assert.match(write("Go"), /package main\n[\s\S]*import [\s\S]*func main\(\) \{[\s\S]*\n\}$/);
  assert.match(write("PHP"), /^<\?php\n[\s\S]*require "vendor\/autoload.php";/);
  assert.match(write("Node.js"), /\.mjs/);
  for (const language of ["Python", "Ruby"]) assert.match(write(language), /^(import|require) /m);
});

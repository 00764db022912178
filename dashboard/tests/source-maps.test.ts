/** Frames of stacks: the lines around them, and what source maps say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { explainUnmapped, listLines } from "../src/features/errors/client-shapes";

test("the lines around a frame have their numbers", () => {
  const frame = { lineno: 6, context_line: "b", pre_context: ["a"], post_context: ["c", 7] };
  assert.deepEqual(
    listLines(frame).map((line) => [line.number, line.text, line.isOwn]),
    [
      [5, "a", false],
      [6, "b", true],
      [7, "c", false],
      [8, "7", false],
    ],
  );
});

test("a frame without lines around it lists none", () => {
  assert.deepEqual(listLines({ lineno: 6, context_line: "b" }), []);
  assert.deepEqual(listLines({ context_line: "b", pre_context: ["a"] }), []);
  assert.deepEqual(listLines({ lineno: 6, context_line: "b", pre_context: "a" }), []);
});

test("a frame says why it is not resolved", () => {
  assert.equal(explainUnmapped({ source_map: "broken" }), "the source map cannot be read");
  assert.equal(explainUnmapped({ source_map: "applied" }), null);
  assert.equal(explainUnmapped({ source_map: "other" }), null);
  assert.equal(explainUnmapped({}), null);
});

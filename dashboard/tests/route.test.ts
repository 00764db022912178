/** Addresses of the page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRoute } from "../src/lib/route";

test("an address names its view, its id and its parameters", () => {
  const route = parseRoute("#/errors/a%2Fb?range=6h&q=x");
  assert.deepEqual([route.view, route.id, route.params.get("range")], ["errors", "a/b", "6h"]);
  assert.deepEqual([parseRoute("").view, parseRoute("#/").id, parseRoute("#/raw/metrics/jobs").id], ["", null, "metrics/jobs"]);
  assert.equal(parseRoute("#/errors/%E0%A4%A").id, "%E0%A4%A");
});

/** Reasons of costs: a model and an agency are named, never numbered. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { CostReasons } from "../src/features/costs/cost-reasons";
import type { Costs } from "../src/lib/api/types";
import { clear, show } from "./support/render";
import { NO_COSTS } from "./support/samples";

afterEach(clear);

const COSTS: Costs = {
  ...NO_COSTS,
  per_call: { mean: 0.1, p95: 0.2, target: 0.2, calls: 3, unpriced_calls: 1 },
  by_model: [
    { service: "openai", model: "gpt-a", calls: 2, usd: 0.2, units: {}, unpriced: {} },
    { service: "openai", model: "gpt-new", calls: 1, usd: null, units: {}, unpriced: {} },
  ],
  by_agency: [
    { agency: "7", name: null, calls: 2, unpriced_calls: 0, usd: 0.2, mean: 0.1 },
    { agency: null, name: null, calls: 1, unpriced_calls: 0, usd: 0.2, mean: 0.2 },
  ],
  unknown: {
    "by_model.1.usd": { code: "not_configured", message: "it has no price" },
    "by_agency.0.name": { code: "none", message: "no agency has this id" },
    "by_agency.1.agency": { code: "none", message: "these calls name no agency" },
  },
};

test("what is unknown is named", async () => {
  const { place } = await show(<CostReasons costs={COSTS} />);
  const text = place.textContent ?? "";
  assert.match(text, /gpt-new usd: it has no price/);
  assert.match(text, /7 name: no agency has this id/);
  assert.match(text, /calls of no agency agency: these calls name no agency/);
});

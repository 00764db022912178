/** Balances and quotas: what is unknown says so, and a quota that lasts has no end. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Accounts } from "../src/features/costs/accounts";
import type { Costs } from "../src/lib/api/types";
import { clear, settle, show } from "./support/render";
import { NO_COSTS } from "./support/samples";

afterEach(clear);

const COSTS: Costs = {
  ...NO_COSTS,
  balances: [{ service: "deepgram", project: "p", usd: 42.5, days_left: null, read_at: "2026-11-30T09:50:00Z" }],
  quotas: [
    {
      service: "openai",
      model: "gpt-4o*",
      units: ["input_token"],
      limit: 2_000_000,
      used: 1_200_000,
      full_at: "2026-11-30T16:00:00Z",
      full_from: "2026-11-30T15:00:00Z",
      full_until: null,
    },
    { service: "deepgram", model: "*", units: ["call"], limit: 500, used: 10, full_at: null, full_from: null, full_until: null },
  ],
  unknown: {
    "balances.0.days_left": { code: "not_recorded", message: "the balance is known for less than a day" },
    "quotas.1.full_at": { code: "none", message: "it lasts the day" },
  },
};

async function read(costs: Costs): Promise<string> {
  const { place } = await show(<Accounts costs={costs} />);
  await settle();
  return place.textContent ?? "";
}

test("balances and quotas show what is left and when it ends", async () => {
  const text = await read(COSTS);
  assert.match(text, /deepgram\$42\.5unknown/);
  assert.match(text, /openai gpt-4o\*1\.2M2M/);
  assert.match(text, /deepgram10500none/);
  assert.match(text, /the balance is known for less than a day/);
});

test("without a balance the reason stands in its place", async () => {
  const unknown = { balances: { code: "not_configured", message: "no vendor was asked" } } as const;
  const text = await read({ ...COSTS, balances: null, quotas: null, unknown });
  assert.match(text, /no vendor was asked/);
  assert.doesNotMatch(text, /Left/);
});

/** Figures: an unknown one is named by its code, and its sentence is only shown. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Unknown } from "../src/lib/api/types";
import { Figure, Reasons } from "../src/ui/figure";
import { clear, show } from "./support/render";

afterEach(clear);

const WORDS: Record<Unknown["code"], string> = {
  none: "none",
  no_traffic: "none",
  not_configured: "unknown",
  missing: "unknown",
  unavailable: "unknown",
  not_recorded: "unknown",
  timeout: "unknown",
};
const SENTENCES = ["none", "unknown: none pending", "no traffic", "<b>measured</b>", ""];

test("the code alone decides the word, and the sentence is its title", async () => {
  for (const [code, word] of Object.entries(WORDS)) {
    for (const message of SENTENCES) {
      const unknown = { "queue.pending": { code: code as Unknown["code"], message } };
      const { place } = await show(<Figure value={null} path="queue.pending" unknown={unknown} />);
      assert.equal(place.textContent, word);
      assert.equal(place.querySelector("span")?.getAttribute("title"), message);
    }
  }
});

test("0 is a figure, and a null without a reason is unknown", async () => {
  const { place, update } = await show(<Figure value={0} path="queue.pending" unknown={{}} />);
  assert.equal(place.textContent, "0");
  await update(<Figure value={null} path="queue.pending" unknown={{}} />);
  assert.equal(place.textContent, "unknown");
});

test("figures with one reason share a line, and a sentence with markup stays text", async () => {
  const reason: Unknown = { code: "missing", message: "table <i>calls</i> is missing" };
  const unknown = { "a.first_one": reason, "a.second": reason, "b.other": reason };
  const { getAllByRole, place } = await show(<Reasons unknown={unknown} under={["a"]} />);
  assert.deepEqual(
    getAllByRole("listitem").map((item) => item.textContent),
    ["? first one, second: table <i>calls</i> is missing"],
  );
  assert.equal(place.querySelector("i"), null);
});

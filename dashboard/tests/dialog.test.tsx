/** Forms of actions: they send the reason, and a rejected one keeps what was typed. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { fireEvent } from "@testing-library/dom";
import { ApiError } from "../src/lib/api/client";
import { Action, Dialogs } from "../src/ui/dialog";
import { clear, settle, show } from "./support/render";

afterEach(clear);

async function open(act: (reason: string) => Promise<unknown>) {
  const shown = await show([<Action label="Resolve" title="Resolve this group" act={act} />, <Dialogs />]);
  await settle(() => void fireEvent.click(shown.getByRole("button", { name: "Resolve" })));
  return shown;
}

test("an action sends its trimmed reason and closes its form", async () => {
  const reasons: string[] = [];
  const { getByLabelText, place } = await open(async (reason) => reasons.push(reason));
  await settle(() => void fireEvent.input(getByLabelText("Reason"), { target: { value: " fixed \n" } }));
  await settle(() => void fireEvent.submit(place.querySelector("form") as HTMLFormElement));
  assert.deepEqual(reasons, ["fixed"]);
  await settle();
  assert.equal(place.querySelector("dialog"), null);
});

test("a rejected action shows why and keeps the reason", async () => {
  const { getByLabelText, getByRole, place } = await open(() => Promise.reject(new ApiError(409, "this one is resolved")));
  await settle(() => void fireEvent.input(getByLabelText("Reason"), { target: { value: "fixed" } }));
  await settle(() => void fireEvent.submit(place.querySelector("form") as HTMLFormElement));
  assert.equal(getByRole("alert").textContent, "this one is resolved");
  assert.equal((getByLabelText("Reason") as HTMLTextAreaElement).value, "fixed");
});

/** Renders a component and finds what a person finds: by role and by text. */

import "./dom";
import { getQueriesForElement } from "@testing-library/dom";
import { type ComponentChild, render } from "preact";
import { act } from "preact/test-utils";

let place: HTMLElement | null = null;

/** The component in place of the one before, with queries for it; `update` shows another one with the same state. */
export async function show(component: ComponentChild) {
  await clear();
  const made = document.createElement("div");
  place = made;
  document.body.replaceChildren(made);
  const update = (shown: ComponentChild) => act(() => render(shown, made));
  await update(component);
  return { place: made, update, ...getQueriesForElement(made) };
}

/** Remove the component, and with it its timers. */
export async function clear(): Promise<void> {
  const shown = place;
  if (shown) await act(() => render(null, shown));
}

/** Let effects, requests and their results settle. */
export async function settle(change: () => void = () => {}): Promise<void> {
  await act(async () => {
    change();
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  });
}

/** A document for components, on Node's own timers and clocks, so that a test can set them. Import it first. */

import { Window } from "happy-dom";

const page = new Window({ url: "https://callwatch.test/admin/operations" });
const NAMES = [
  "document",
  "location",
  "sessionStorage",
  "localStorage",
  "navigator",
  "Node",
  "Element",
  "HTMLElement",
  "Event",
  "FormData",
  "matchMedia",
  "getComputedStyle",
  "requestAnimationFrame",
  "cancelAnimationFrame",
] as const;
for (const name of NAMES) {
  const value = page[name] as unknown;
  // Methods need their window; classes are taken as they are.
  const given = typeof value === "function" && !("prototype" in value) ? (value as () => unknown).bind(page) : value;
  Object.defineProperty(globalThis, name, { value: given, configurable: true, writable: true });
}
Object.defineProperty(globalThis, "window", { value: page, configurable: true });
for (const name of ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const) {
  // Read at each call: a test replaces the timers.
  Object.defineProperty(page, name, {
    value: (...given: never[]) => (globalThis[name] as (...all: never[]) => unknown)(...given),
  });
}

/** Set whether the tab is in the background, as a browser does. */
export function setHidden(isHidden: boolean): void {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

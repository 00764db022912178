/** Renders a component again when something outside of Preact changes. */

import { useEffect, useState } from "preact/hooks";

/** Call `watch` with a function that renders again; it returns how to stop. It is called again when `input` changes. */
export function useWatch(watch: (onChange: () => void) => () => void, input?: unknown): number {
  const [count, rerender] = useState(0);
  useEffect(() => watch(() => rerender((before) => before + 1)), [input]);
  return count;
}

/** The role of the caller, which decides whether buttons are shown. */

import { useOverview } from "../lib/overview";

/** Whether the caller may change things; false until it is known. */
export function useMayAct(): boolean {
  return useOverview().data?.caller.role === "admin";
}

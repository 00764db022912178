/** The role of the caller, which decides whether buttons are shown. */

import type { Status } from "../lib/api/types";
import { useLive } from "../lib/polling/use-live";

/** Whether the caller may change things; false until it is known. */
export function useMayAct(): boolean {
  return useLive<Status>("/api/status").data?.caller.role === "admin";
}

/** Who looks at the page, and so whether there are buttons. */

import type { Status } from "../api-types";
import { useLive } from "../poll";

/** Whether the token's holder may act; false until it is known. */
export function useMayAct(): boolean {
  return useLive<Status>("/api/status").data?.caller.role === "admin";
}

/** Exchanges a token for a session of the browser, and ends that. */

import { ApiError, request } from "./client";
import { beginSession, getToken, rejectToken, signIn, signOut } from "./session";

const TIMEOUT_MS = 10_000;
const NOT_VALID = "This token is not valid.";

/**
 * Sign in: null, or why not. Where there can be no session (plain HTTP to another machine, an API that does not respond), this tab
 * keeps the token.
 */
export async function openSession(token: string): Promise<string | null> {
  // No token holds a character that a header cannot carry, such as a curly quotation mark from a copy.
  if (/[^\x21-\x7e]/.test(token)) return NOT_VALID;
  const options = { method: "POST", headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await fetch("/api/session", options).catch(() => null);
  const found = await response?.json().catch(() => null);
  if (response?.status === 401) return NOT_VALID;
  if (response?.status === 403 || response?.status === 429) return `Not signed in: ${found?.error?.message ?? found?.message}.`;
  if (response?.ok && typeof found?.ends_at === "string") beginSession(found.ends_at);
  else signIn(token);
  return null;
}

/** End the session, or all that its token began. Throws ApiError if it goes on. */
export async function closeSession(isEverywhere: boolean): Promise<void> {
  const token = getToken();
  try {
    await request(`/api/session${isEverywhere ? "?everywhere=yes" : ""}`, "DELETE");
  } catch (error) {
    // The browser has forgotten the cookie, and only the API could not end the session.
    if (error instanceof ApiError && error.status === 503) rejectToken(token, error.message);
    throw error;
  }
  signOut();
}

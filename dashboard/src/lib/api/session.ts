/** Who is signed in: the token of this tab, and whether the API rejected the one before. */

import { useWatch } from "../use-watch";

// Only this tab keeps the token, and only until the tab closes.
const KEY = "callwatch-token";
const watchers = new Set<() => void>();
let wasRejected = false;

export interface Session {
  isSignedIn: boolean;
  /** Whether the last session ended because the API rejected its token. */
  wasRejected: boolean;
}

export function getToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function signIn(token: string): void {
  sessionStorage.setItem(KEY, token);
  notify(false);
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  notify(false);
}

/** End the session that uses this token. A late response to the token of an earlier session ends nothing. */
export function rejectToken(token: string | null): void {
  if (token === null || token !== getToken()) return;
  sessionStorage.removeItem(KEY);
  notify(true);
}

/** The session, live. */
export function useSession(): Session {
  useWatch((onChange) => {
    watchers.add(onChange);
    return () => void watchers.delete(onChange);
  });
  return { isSignedIn: getToken() !== null, wasRejected };
}

function notify(isRejection: boolean): void {
  wasRejected = isRejection;
  for (const watcher of watchers) watcher();
}

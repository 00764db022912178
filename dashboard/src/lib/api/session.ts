/** Who is signed in: the token of this tab, and whether the API rejected the one before. */

import { useWatch } from "../use-watch";

// Only this tab keeps the token, and only until the tab closes.
const KEY = "callwatch-token";
/** What renews a token of the organization's issuer. */
const RENEWAL_KEY = "callwatch-renewal";
const watchers = new Set<() => void>();
let wasRejected = false;
let reason: string | null = null;

export interface Session {
  isSignedIn: boolean;
  /** Whether the last session ended because the API rejected its token. */
  wasRejected: boolean;
  /** Why the last session at the organization's issuer ended, if it did. */
  reason: string | null;
}

/** How a token of the organization's issuer is renewed. */
export interface Renewal {
  issuer: string;
  clientId: string;
  tokenEndpoint: string;
  /** Null if the issuer gave none: then the session ends with its token. */
  refreshToken: string | null;
  /** By the clock of this machine, in ms. */
  expiresAt: number;
}

export function getToken(): string | null {
  return sessionStorage.getItem(KEY);
}

/** Null for a session by a token that somebody typed. */
export function getRenewal(): Renewal | null {
  const kept = sessionStorage.getItem(RENEWAL_KEY);
  return kept ? (JSON.parse(kept) as Renewal) : null;
}

export function signIn(token: string, renewal: Renewal | null = null): void {
  sessionStorage.setItem(KEY, token);
  if (renewal) sessionStorage.setItem(RENEWAL_KEY, JSON.stringify(renewal));
  else sessionStorage.removeItem(RENEWAL_KEY);
  notify(false, null);
}

export function signOut(): void {
  forget();
  notify(false, null);
}

/** End the session that uses this token. A late response to the token of an earlier session ends nothing. */
export function rejectToken(token: string | null, message: string | null = null): void {
  if (token === null || token !== getToken()) return;
  const given = getRenewal() ? (message ?? "your sign-in has ended") : null;
  forget();
  notify(true, given);
}

/** The session, live. */
export function useSession(): Session {
  useWatch((onChange) => {
    watchers.add(onChange);
    return () => void watchers.delete(onChange);
  });
  return { isSignedIn: getToken() !== null, wasRejected, reason };
}

function forget(): void {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(RENEWAL_KEY);
}

function notify(isRejection: boolean, why: string | null): void {
  wasRejected = isRejection;
  reason = why;
  for (const watcher of watchers) watcher();
}

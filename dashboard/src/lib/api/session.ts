/** Who is signed in: by a session of this browser or the token of this tab, and whether the API rejected the one before. */

import { useWatch } from "../use-watch";

// When the session ends, for all tabs; the session itself is a cookie that no script can read.
const SESSION_KEY = "callwatch-session";
const SESSION_PREFIX = "session:";
// Only this tab keeps a token, and only until the tab closes: one of the issuer, or where there can be no session.
const KEY = "callwatch-token";
/** What renews a token of the organization's issuer. */
const RENEWAL_KEY = "callwatch-renewal";
/** The issuer that this browser signed in at last, until somebody signs out: a new tab asks it again by itself. */
export const ISSUER_KEY = "callwatch-issuer";
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

/** The token of this tab, or a name for the session, which holds no secret. */
export function getToken(): string | null {
  const endsAt = localStorage.getItem(SESSION_KEY);
  return sessionStorage.getItem(KEY) ?? (endsAt && SESSION_PREFIX + endsAt);
}

export function hasSession(): boolean {
  return getToken()?.startsWith(SESSION_PREFIX) ?? false;
}

/** What a request sends with what getToken returned. */
export function authorize(token: string | null): Record<string, string> {
  return token?.startsWith(SESSION_PREFIX) ? { "x-callwatch-session": "1" } : { authorization: `Bearer ${token ?? ""}` };
}

/** The browser has the cookie of a session now, which all its tabs use. */
export function beginSession(endsAt: string): void {
  forget();
  localStorage.setItem(SESSION_KEY, endsAt);
  notify(false, null);
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
  const given = getRenewal() || hasSession() ? (message ?? "your sign-in has ended") : null;
  forget();
  notify(true, given);
}

/** The session, live. */
export function useSession(): Session {
  useWatch((onChange) => {
    watchers.add(onChange);
    // Another tab signed in or out.
    window.addEventListener("storage", onChange);
    return () => {
      watchers.delete(onChange);
      window.removeEventListener("storage", onChange);
    };
  });
  return { isSignedIn: getToken() !== null, wasRejected, reason };
}

function forget(): void {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(RENEWAL_KEY);
  localStorage.removeItem(SESSION_KEY);
  localStorage.removeItem(ISSUER_KEY);
}

function notify(isRejection: boolean, why: string | null): void {
  wasRejected = isRejection;
  reason = why;
  for (const watcher of watchers) watcher();
}

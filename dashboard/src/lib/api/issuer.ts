/** Sign-in at the organization's issuer (OpenID Connect): Authorization Code with PKCE, and renewal by a refresh token. */

import { getRenewal, getToken, ISSUER_KEY, type Renewal, signIn } from "./session";

const TIMEOUT_MS = 10_000;
const PENDING_KEY = "callwatch-sign-in";
/** How long before its end a token is renewed. */
const MARGIN_MS = 60_000;
const PAUSE_MS = 10_000;
/** A timer cannot wait longer. */
const MAX_WAIT_MS = 2_147_483_647;

/** Where the page signs in. */
export interface Issuer {
  issuer: string;
  client_id: string;
}

interface Pending extends Issuer {
  state: string;
  nonce: string;
  verifier: string;
  tokenEndpoint: string;
  /** Query and hash of the view that was open. */
  returnTo: string;
}

/** A sign-in that failed, in words for people. */
export class SignInError extends Error {}

/** Where to sign in; null where only tokens open the page. */
export async function loadIssuer(): Promise<Issuer | null> {
  const found = (await readJson("/admin/sign-in.json").catch(() => null)) as { oidc?: Issuer | null } | null;
  return found?.oidc ?? null;
}

/** Leave for the issuer's page. Throws SignInError. */
export async function beginSignIn(given: Issuer): Promise<void> {
  const found = await readJson(`${given.issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`);
  const [authorize, tokenEndpoint] = [found.authorization_endpoint, found.token_endpoint];
  if (found.issuer !== given.issuer || !isAddress(authorize, given.issuer) || !isAddress(tokenEndpoint, given.issuer)) {
    throw new SignInError("the sign-in service describes itself in a way that cannot be used");
  }
  const [state, nonce, verifier] = [makeSecret(), makeSecret(), makeSecret()];
  const returnTo = location.search + location.hash;
  const pending: Pending = { ...given, state, nonce, verifier, tokenEndpoint, returnTo };
  sessionStorage.setItem(PENDING_KEY, JSON.stringify(pending));
  const address = new URL(authorize);
  const asked = {
    response_type: "code",
    client_id: given.client_id,
    redirect_uri: getReturnAddress(),
    scope: "openid profile",
    state,
    nonce,
    code_challenge: await hash(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Whether the issuer sent the browser back to this page. */
export function isReturning(): boolean {
  const given = new URLSearchParams(location.search);
  return given.has("state") && (given.has("code") || given.has("error"));
}

/** End the sign-in with which the issuer sent the browser back. Throws SignInError. */
export async function completeSignIn(): Promise<void> {
  const given = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(PENDING_KEY);
  sessionStorage.removeItem(PENDING_KEY);
  const pending = kept ? (JSON.parse(kept) as Pending) : null;
  // A code stays neither in the address nor in the history.
  history.replaceState(null, "", location.pathname + (pending?.returnTo ?? ""));
  const isOurs = pending && given.get("state") === pending.state && (given.get("iss") ?? pending.issuer) === pending.issuer;
  if (!isOurs) throw new SignInError("this sign-in did not begin in this tab; sign in again");
  const code = given.get("code");
  if (code === null) throw new SignInError("the sign-in service did not let you in");
  const { verifier, nonce, tokenEndpoint } = pending;
  const sent = { grant_type: "authorization_code", code, redirect_uri: getReturnAddress(), code_verifier: verifier };
  localStorage.setItem(ISSUER_KEY, pending.issuer);
  await takeTokens({ issuer: pending.issuer, clientId: pending.client_id, tokenEndpoint, refreshToken: null }, sent, nonce);
}

/** Whether a new tab may sign in by itself: this browser did at the same issuer, and nobody signed out since. */
export function isKnownHere({ issuer }: Issuer): boolean {
  return localStorage.getItem(ISSUER_KEY) === issuer && !isReturning();
}

/** After a failure, only a person begins the next sign-in. */
export function forgetIssuer(): void {
  localStorage.removeItem(ISSUER_KEY);
}

/** Renew the session's token before it expires, for as long as the session lasts; returns how to stop. */
export function keepRenewing(): () => void {
  let timer: number | undefined;
  let isStopped = false;
  const wait = () => {
    const renewal = getRenewal();
    if (isStopped || !renewal?.refreshToken) return;
    const left = Math.max(renewal.expiresAt - Date.now() - MARGIN_MS, 0);
    timer = window.setTimeout(() => void renewNow(getToken()).then(pause), Math.min(left, MAX_WAIT_MS));
  };
  // A renewal that fails is tried again: the API ends the session once the token expires.
  const pause = () => {
    timer = window.setTimeout(wait, PAUSE_MS);
  };
  wait();
  return () => {
    isStopped = true;
    window.clearTimeout(timer);
  };
}

let renewing: Promise<void> | null = null;

/** Renew this token; whether the session has another one now. Calls at the same time share one renewal. */
export async function renewNow(token: string | null): Promise<boolean> {
  const before = getRenewal();
  if (token === getToken() && before?.refreshToken) {
    const sent = { grant_type: "refresh_token", refresh_token: before.refreshToken };
    renewing ??= takeTokens(before, sent, null, token)
      .catch(() => undefined)
      .finally(() => {
        renewing = null;
      });
    await renewing;
  }
  return getToken() !== null && getToken() !== token;
}

type Party = Omit<Renewal, "expiresAt">;

/** Get tokens from the issuer, and sign in with them; renewed: only if the session still has this token. */
async function takeTokens(
  party: Party,
  sent: Record<string, string>,
  nonce: string | null,
  renewed?: string | null,
): Promise<void> {
  const body = new URLSearchParams({ ...sent, client_id: party.clientId });
  const found = await readJson(party.tokenEndpoint, { method: "POST", body });
  const token = found.id_token;
  const claims = typeof token === "string" ? readClaims(token) : null;
  if (typeof token !== "string" || !claims || typeof claims.exp !== "number") {
    throw new SignInError("the sign-in service gave no token that can be used");
  }
  if (nonce !== null && claims.nonce !== nonce) throw new SignInError("the token belongs to another sign-in; sign in again");
  if (renewed !== undefined && renewed !== getToken()) return;
  const refreshToken = typeof found.refresh_token === "string" ? found.refresh_token : party.refreshToken;
  // The clock of this machine may be wrong: the token's own duration counts from now.
  const lasts = typeof claims.iat === "number" ? (claims.exp - claims.iat) * 1000 : claims.exp * 1000 - Date.now();
  signIn(token, { ...party, refreshToken, expiresAt: Date.now() + lasts });
}

async function readJson(address: string, options: RequestInit = {}): Promise<Record<string, unknown>> {
  try {
    const init = {
      ...options,
      credentials: "omit" as const,
      redirect: "error" as const,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    const response = await fetch(address, init);
    if (response.ok) return (await response.json()) as Record<string, unknown>;
  } catch {
    // As for a response that is no success.
  }
  throw new SignInError("the sign-in service does not respond as it should; try again, or use a token");
}

/** The claims of a token that came straight from the issuer; the API verifies the signature. */
function readClaims(token: string): Record<string, unknown> | null {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const found: unknown = JSON.parse(atob(part));
    return typeof found === "object" ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isAddress(given: unknown, issuer: string): given is string {
  return typeof given === "string" && URL.canParse(given) && new URL(given).protocol === new URL(issuer).protocol;
}

function getReturnAddress(): string {
  return `${location.origin}/admin/operations`;
}

function makeSecret(): string {
  return encode(crypto.getRandomValues(new Uint8Array(32)));
}

async function hash(text: string): Promise<string> {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

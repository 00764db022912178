/** Calls the API as who is signed in. */

import { adoptServerTime } from "../time/now";
import { keepResponse, recallResponse } from "./etags";
import { authorize, getRenewal, getToken, rejectToken } from "./session";

const TIMEOUT_MS = 10_000;

/** A response that is not a success; `status` 0 means that there was no response. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Call the API. A health response with status 503 (unhealthy) counts as a success; status 401 ends the session.
 * Throws ApiError.
 */
export async function request<T>(path: string, method = "GET", body?: unknown, canRenew = true): Promise<T> {
  const token = getToken();
  const known = method === "GET" ? recallResponse(path, token) : undefined;
  const { status, isOk, text, tag } = await send(path, method, body, token, known?.tag);
  if (status === 204) return null as T;
  if (status === 304 && known) return known.found as T;
  const found = parseBody(text);
  const isUnhealthy = path === "/api/health" && status === 503 && hasField(found, "status");
  if (isOk || isUnhealthy) {
    if (method === "GET" && !isFromApi(path, found)) throw new ApiError(0, "the response does not come from the API");
    if (method === "GET") keepResponse(path, { token, tag, found });
    return found as T;
  }
  if (status === 401) {
    // A tab that slept finds its token expired, and can often still renew it.
    if (canRenew && (await renew(token))) return await request(path, method, body, false);
    rejectToken(token, readMessage(found));
  }
  throw new ApiError(status, readMessage(found) ?? `the API responded with status ${status}`);
}

/** Whether a session at the organization's issuer has another token now. */
async function renew(token: string | null): Promise<boolean> {
  if (!getRenewal()?.refreshToken) return false;
  return (await import("./issuer")).renewNow(token);
}

interface Reply {
  status: number;
  isOk: boolean;
  text: string;
  tag: string | null;
}

async function send(path: string, method: string, body: unknown, token: string | null, known?: string | null): Promise<Reply> {
  const headers = authorize(token);
  if (known) headers["if-none-match"] = known;
  // No token holds a character that a header cannot carry, such as a curly quotation mark from a copy.
  if (/[\u0100-\u{10ffff}]/u.test(headers.authorization ?? "")) {
    rejectToken(token);
    throw new ApiError(401, "this is not a token");
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = body === undefined ? null : JSON.stringify(body);
  try {
    const response = await fetch(path, { method, headers, body: sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
    adoptServerTime(response.headers.get("date"));
    return { status: response.status, isOk: response.ok, text: await response.text(), tag: response.headers.get("etag") };
  } catch {
    throw new ApiError(0, "the API does not respond");
  }
}

/** Whether the response has the shape of the API's, not that of a proxy or a sign-in page in front of it. */
function isFromApi(path: string, found: unknown): boolean {
  if (path === "/api/metrics/prometheus") return typeof found === "string" && found.startsWith("# ");
  return ["unknown", "items", "openapi"].some((name) => hasField(found, name));
}

/** The message of an error of the API, or of the gateway in front of it. */
function readMessage(found: unknown): string | null {
  const error = hasField(found, "error") ? found.error : found;
  return hasField(error, "message") && typeof error.message === "string" ? error.message : null;
}

function hasField<Name extends string>(found: unknown, name: Name): found is Record<Name, unknown> {
  return typeof found === "object" && found !== null && name in found;
}

/** Parsed JSON, or the text itself where it is not JSON (Prometheus). */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

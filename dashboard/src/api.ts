/** The API as the page asks it. The token lives in this tab alone. */

import { heard } from "./now";

const KEY = "callwatch-token";
const TIMEOUT_MS = 10_000;

/** An answer that is not a success; `status` 0 means that nobody answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepToken(value: string | null): void {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

/** Ask the API. Health answers with 503 when unhealthy: that is an answer, too. Throws ApiError. */
export async function ask<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const headers: Record<string, string> = { authorization: `Bearer ${token() ?? ""}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer: Response;
  let text: string;
  // A sign that no header can carry, as a quotation mark that a copy brought along, is in no token.
  if (/[^\u0000-\u00ff]/.test(headers.authorization ?? "")) throw new ApiError(401, "this is not a token");
  try {
    const sent = body === undefined ? null : JSON.stringify(body);
    answer = await fetch(path, { method, headers, body: sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
    heard(answer.headers.get("date"));
    text = await answer.text();
  } catch {
    throw new ApiError(0, "the API does not answer");
  }
  if (answer.status === 204) return null as T;
  const found = parsed(text);
  const isSuccess = answer.ok || (path === "/api/health" && answer.status === 503 && found?.status);
  if (isSuccess && method === "GET" && !isOurs(path, found)) throw new ApiError(0, "something else answers in the API's place");
  if (isSuccess) return found as T;
  throw new ApiError(answer.status, found?.error?.message ?? found?.message ?? `the API answered with status ${answer.status}`);
}

/** Whether the API said this, and not a proxy or a sign-in page before it: all its answers tell what is unknown. */
function isOurs(path: string, found: unknown): boolean {
  if (path === "/api/metrics/prometheus") return typeof found === "string" && found.startsWith("# ");
  return typeof found === "object" && found !== null && ["unknown", "items", "openapi"].some((name) => name in found);
}

/** JSON where it is some; a text answer (Prometheus) as it is. */
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

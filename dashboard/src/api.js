/** The API as the page asks it. The token lives in this tab alone. */

const KEY = "callwatch-token";

/** An answer that is not a success; `status` 0 means that nobody answered. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @returns {string | null} */
export function token() {
  return sessionStorage.getItem(KEY);
}

/** @param {string | null} value */
export function keepToken(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

/**
 * Ask the API. Health answers with 503 when unhealthy: that is an answer, too.
 * @param {string} path
 * @param {{method?: string, body?: any}} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, { method = "GET", body } = {}) {
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${token() ?? ""}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
  } catch {
    throw new ApiError(0, "the API does not answer");
  }
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => null);
  if (answer.ok || (path === "/api/health" && answer.status === 503 && found?.status)) return found;
  throw new ApiError(answer.status, found?.error?.message ?? found?.message ?? `status ${answer.status}`);
}

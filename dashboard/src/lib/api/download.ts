/** Fetches a file of the API: a link cannot carry the token, and an address must not. */

import { ApiError } from "./client";
import { authorize, getToken, rejectToken } from "./session";

const TIMEOUT_MS = 30_000;

/** The text of a response of this type. Throws ApiError. */
export async function download(path: string, type: string): Promise<string> {
  const token = getToken();
  const headers = { ...authorize(token), accept: type };
  const response = await fetch(path, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
  if (!response) throw new ApiError(0, "the API does not respond");
  if (response.status === 401) rejectToken(token);
  if (!response.ok) throw new ApiError(response.status, `the API responded with status ${response.status}`);
  // A proxy in front may answer with a page of its own.
  if (!response.headers.get("content-type")?.startsWith(type)) throw new ApiError(0, "the response does not come from the API");
  const text = await response.text().catch(() => null);
  if (text === null) throw new ApiError(0, "the response broke off");
  return text;
}

/** Responses that the API marked with an ETag: asked again, it says 304 while nothing changed, and sends nothing. */

interface Marked {
  token: string | null;
  tag: string | null;
  found: unknown;
}

const marked = new Map<string, Marked>();

/** Keep a response if it has a tag. */
export function keepResponse(path: string, response: Marked): void {
  if (response.tag) marked.set(path, response);
  else marked.delete(path);
}

/** The last response to this path that the same token got, if it had a tag. */
export function recallResponse(path: string, token: string | null): Marked | undefined {
  const found = marked.get(path);
  return found?.token === token ? found : undefined;
}

export function forgetResponses(): void {
  marked.clear();
}

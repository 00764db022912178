/** Names of the API as words for people. */

/** "calls_processed_last_hour" as words. */
export function toWords(name: string): string {
  return name.replaceAll("_", " ");
}

const BRANDS: Record<string, string> = { openai: "OpenAI" };

export function nameService(name: string): string {
  return BRANDS[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

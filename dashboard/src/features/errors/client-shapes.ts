/** What clients usually send with an error; the API returns it unchanged. */

export interface Frame {
  filename?: string;
  function?: string;
  module?: string;
  lineno?: number;
  in_app?: boolean;
  context_line?: string;
  vars?: unknown;
}

export interface Breadcrumb {
  timestamp?: string | number;
  category?: string;
  level?: string;
  type?: string;
  message?: string;
  data?: unknown;
}

export interface ExceptionLink {
  type?: string | null;
  value?: string | null;
}

/** The objects among some values; other values are dropped. */
export function pickObjects<T>(values: unknown): T[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === "object" && value !== null) : [];
}

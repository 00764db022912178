/** What clients send with an error, as far as they keep to it: the API hands it on as it came. */

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

/** The objects among some values; anything else is left out. */
export function objects<T>(values: unknown): T[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === "object" && value !== null) : [];
}

/** What clients usually send with an error; the API returns it unchanged. */

export interface Frame {
  filename?: string;
  function?: string;
  module?: string;
  lineno?: number;
  in_app?: boolean;
  context_line?: string;
  pre_context?: unknown;
  post_context?: unknown;
  /** Not of the client: whether a source map helped, and the place before it did. */
  source_map?: string;
  minified?: { filename?: string; function?: string; lineno?: number; colno?: number };
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

const NOT_MAPPED: Record<string, string> = {
  not_uploaded: "no source map was uploaded for this script",
  no_map: "the script was uploaded without its source map",
  no_position: "the source map does not know this position",
  broken: "the source map cannot be read",
  too_large: "the source map is too large",
  too_slow: "the source map could not be read in time",
  unavailable: "the store of source maps does not respond",
};

/** Why a frame shows the minified place; null if it does not, or no source map is expected. */
export function explainUnmapped(frame: Frame): string | null {
  return (frame.source_map && NOT_MAPPED[frame.source_map]) || null;
}

/** The lines around a frame's own, each with its number; none if the client sent none. */
export function listLines(frame: Frame): { number: number; text: string; isOwn: boolean }[] {
  const before = Array.isArray(frame.pre_context) ? frame.pre_context : [];
  const after = Array.isArray(frame.post_context) ? frame.post_context : [];
  if (frame.context_line == null || frame.lineno == null || before.length + after.length === 0) return [];
  const first = frame.lineno - before.length;
  return [...before, frame.context_line, ...after].map((text, index) => ({
    number: first + index,
    text: String(text),
    isOwn: index === before.length,
  }));
}

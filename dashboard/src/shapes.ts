/** Answers of the API that its document does not describe field by field. */

import type { ErrorGroup } from "./api-types";

export interface Stage {
  name: string;
  pending: number | null;
  processing: number | null;
  failed: number | null;
  completed_last_hour: number | null;
  stuck: number | null;
  zombie: number | null;
  dead: number | null;
  orphan: number | null;
  false_success: number | null;
  oldest_pending_at: string | null;
  throughput_per_minute: number | null;
  success_rate: number | null;
  p50_s: number | null;
  p95_s: number | null;
}

export interface Cron {
  name: string;
  period_s: number;
  last_ok_at: string | null;
  is_late: boolean | null;
}

export interface Pipeline {
  stages: Stage[];
  freshness: { last_call_at: string | null; expected_per_hour: number | null; actual_last_hour: number | null };
  recording_availability: number | null;
  field_completeness: Record<string, number | null> | null;
  crons: Cron[] | null;
  unknown: Record<string, string>;
}

export interface Frame {
  filename?: string;
  function?: string;
  module?: string;
  lineno?: number;
  in_app?: boolean;
  context_line?: string;
  vars?: Record<string, unknown>;
}

export interface Breadcrumb {
  timestamp?: string | number;
  category?: string;
  level?: string;
  type?: string;
  message?: string;
  data?: unknown;
}

export interface Payload {
  stack?: string | null;
  frames?: Frame[] | null;
  exceptions?: { type: string | null; value: string | null }[] | null;
  breadcrumbs?: Breadcrumb[] | null;
  tags?: Record<string, string> | null;
  context?: unknown;
  request?: unknown;
  sdk?: string | null;
  trimmed?: string[];
  mended?: string[];
}

export interface Occurrence {
  event_id: string;
  occurred_at: string;
  message: string | null;
  endpoint: string | null;
  release: string | null;
  payload: Payload | null;
}

export interface GroupDetail extends ErrorGroup {
  endpoint?: string | null;
  resolved_in_release?: string | null;
  ignored_until?: string | null;
  first_release?: string | null;
  history: { at: string; actor: string; action: string; reason: string | null }[];
  occurrences: Occurrence[];
}

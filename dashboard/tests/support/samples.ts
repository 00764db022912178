/** Responses of the API as the tests need them. */

import type { Alert, Costs, Overview } from "../../src/lib/api/types";

export const AT = Date.parse("2026-11-24T10:00:00Z");

/** A status in which all is well and everything is known. */
export const GOOD: Overview = {
  status: "operational",
  timestamp: "2026-11-24T10:00:00Z",
  unknown: {},
  issues: [],
  incidents: [],
  open_incidents: 0,
  last_incident_ended_at: null,
  monitor: { not_evaluated_since: null },
  caller: { role: "viewer", actor: "somebody" },
} as unknown as Overview;

export const FIRING: Alert = {
  id: "7",
  rule_id: "queue_backlog",
  title: "Queue backlog",
  message: "Work waits in the product's queues: measured 120 (rows that wait), threshold > 100",
  level: "warning",
  state: "firing",
  value: 120,
  unit: null,
  comparison: ">",
  threshold: 100,
  started_at: "2026-11-24T09:58:00Z",
  resolved_at: null,
  acknowledged_by: null,
  suppressed_by: null,
  labels: {},
} as unknown as Alert;

/** The costs of a day of which nothing is known. */
export const NO_COSTS: Costs = {
  timestamp: "2026-11-30T10:00:00Z",
  range: "1d",
  since: "2026-11-30",
  until: "2026-11-30",
  known_days: 0,
  per_call: { mean: null, p95: null, target: null, calls: null, unpriced_calls: null },
  by_service: {},
  by_model: [],
  by_agency: [],
  trend: [],
  balances: null,
  quotas: null,
  unknown: {},
};

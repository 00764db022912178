/** What the explore view shows: the subject that its address names, its charts, and the rules that judge them. */

import type { Limit } from "../../charts/history";
import type { Wanted } from "../../charts/panel";
import type { Alert, History, Rule, Series } from "../../lib/api/types";
import { formatInUnit } from "../../lib/format/numbers";

export type Kind = "all" | "route" | "service" | "stage";

export interface Subject {
  kind: Kind;
  /** Of a route, service or stage. */
  name: string;
}

export const KIND_WORDS: Record<Kind, string> = {
  all: "All requests",
  route: "A route",
  service: "A service",
  stage: "A stage",
};
export const METRIC_OF: Record<Kind, History["metric"]> = {
  all: "requests",
  route: "route",
  service: "services",
  stage: "queues",
};
/** The metric of the rules that judge what a chart shows. */
const LATENCY_METRIC: Record<Kind, string | null> = {
  all: "requests.p95_ms_5m",
  route: "requests.route_p95_ms",
  service: "service.latency_ms",
  stage: null,
};

/** The subject of an address; whatever it lacks is all requests. */
export function readSubject(params: URLSearchParams): Subject {
  const kind = params.get("kind");
  return kind && Object.hasOwn(KIND_WORDS, kind)
    ? { kind: kind as Kind, name: params.get("name") ?? "" }
    : { kind: "all", name: "" };
}

/** The charts of a subject, with the thresholds of the rules in force. */
export function listWanted({ kind, name }: Subject, rules: readonly Rule[]): Wanted[] {
  const limits = listLimits({ kind, name }, rules);
  if (kind === "stage") {
    const isStage = (series: Series) => series.labels.stage === name;
    return [
      { title: "Waiting", take: (series) => isStage(series) && series.name === "pending" },
      { title: "Completed per minute", take: (series) => isStage(series) && series.name === "completed" },
    ];
  }
  if (kind === "service") return [{ title: "Latency", take: ({ labels }) => labels.service === name, limits }];
  return [
    { title: "Latency", take: ({ unit }) => unit === "ms", limits },
    { title: "Requests per minute", take: ({ unit }) => unit === "per_minute" },
    { title: "Error rate", take: ({ unit }) => unit === "ratio" },
  ];
}

/** The thresholds that judge a subject: those of rules in force, about all subjects of its kind or about this one. */
export function listLimits({ kind, name }: Subject, rules: readonly Rule[]): Limit[] {
  const metric = LATENCY_METRIC[kind];
  return rules
    .filter((rule) => rule.metric === metric && rule.state !== "disabled" && rule.unit === "ms" && isAbout(rule, kind, name))
    .map(({ threshold, comparison, unit, name: rule }) => ({
      value: threshold,
      name: `threshold ${comparison} ${formatInUnit(threshold, unit)}, ${rule}`,
    }));
}

function isAbout({ definition }: Rule, kind: Kind, name: string): boolean {
  const labels = definition?.labels;
  if (typeof labels !== "object" || labels === null || !(kind in labels)) return true;
  return (labels as Record<string, unknown>)[kind] === name;
}

/** What is measured of all requests together: alerts of other rules say nothing about their charts. */
const REQUEST_METRICS = /^(requests|slo)\./;

/** Whether an alert is about the subject. */
export function concerns({ kind, name }: Subject, rules: readonly Rule[] = []): (alert: Alert) => boolean {
  if (kind === "all") {
    const judging = new Set(rules.filter(({ metric }) => REQUEST_METRICS.test(metric ?? "")).map(({ id }) => id));
    return ({ rule_id }) => judging.has(rule_id);
  }
  if (kind === "service") return ({ labels, service }) => service === name || labels.service === name;
  return ({ labels }) => labels[kind] === name;
}

/** The explore view: its subject, the thresholds that judge it, and a chart that keys operate. */

import "./support/dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { listDeployMarkers } from "../src/charts/history";
import { concerns, listLimits, listWanted, readSubject } from "../src/features/explore/subject";
import type { Alert, History, Rule } from "../src/lib/api/types";

const rule = (more: Partial<Rule>) =>
  ({
    name: "Slow route",
    metric: "requests.route_p95_ms",
    state: "ok",
    unit: "ms",
    comparison: ">",
    threshold: 3000,
    ...more,
  }) as Rule;
const alert = (labels: Record<string, string>, service: string | null = null, rule_id = "slow") =>
  ({ labels, service, rule_id }) as Alert;

test("an address names a subject, and anything else is all requests", () => {
  assert.deepEqual(readSubject(new URLSearchParams("kind=route&name=GET+/a")), { kind: "route", name: "GET /a" });
  for (const query of ["", "kind=constructor&name=x", "kind=__proto__", "name=x"])
    assert.deepEqual(readSubject(new URLSearchParams(query)), { kind: "all", name: "" });
});

test("the thresholds are those of rules in force that judge the subject", () => {
  const about = (route: string) => rule({ definition: { labels: { route } } });
  const found = (rules: Rule[]) => listLimits({ kind: "route", name: "/a" }, rules).length;
  assert.deepEqual(listLimits({ kind: "route", name: "/a" }, [rule({})]), [{ value: 3000, name: "threshold > 3 s, Slow route" }]);
  assert.equal(found([about("/a")]), 1);
  assert.equal(found([about("/b"), rule({ state: "disabled" }), rule({ metric: "requests.p95_ms_5m" })]), 0);
  assert.deepEqual(listLimits({ kind: "stage", name: "recordings" }, [rule({})]), []);
});

test("only the latency has the thresholds of latencies", () => {
  const charts = listWanted({ kind: "route", name: "/a" }, [rule({})]);
  assert.deepEqual(
    charts.map(({ title, limits }) => [title, limits?.length ?? 0]),
    [
      ["Latency", 1],
      ["Requests per minute", 0],
      ["Error rate", 0],
    ],
  );
});

test("alerts are marked where they concern the subject", () => {
  const rules = [rule({ id: "slow", metric: "requests.p95_ms_5m" }), rule({ id: "new_error", metric: "errors.new_group" })];
  const isMarked = (kind: "route" | "service" | "stage" | "all", name: string, one: Alert) =>
    concerns({ kind, name }, rules)(one);
  assert.ok(isMarked("route", "/a", alert({ route: "/a" })));
  assert.ok(!isMarked("route", "/a", alert({ route: "/b" })));
  assert.ok(isMarked("service", "openai", alert({}, "openai")));
  assert.ok(!isMarked("all", "", alert({ group: "1" }, null, "new_error")));
  assert.ok(!isMarked("all", "", alert({}, null, "deleted rule")));
  assert.ok(isMarked("all", "", alert({})));
});

test("deploys are marks with their release and environment", () => {
  const deploys = [{ at: "2026-11-24T10:00:00Z", release: "1.2.0", environment: "production" }];
  assert.deepEqual(listDeployMarkers({ deploys } as History), [
    { at: Date.parse("2026-11-24T10:00:00Z") / 1000, kind: "deploy", name: "1.2.0 production" },
  ]);
  assert.deepEqual(listDeployMarkers({ deploys: null } as History), []);
});

/** The alert rules: their state, and actions on them. */

import { request } from "../../lib/api/client";
import type { Delivery, Rule, RulePage } from "../../lib/api/types";
import { formatInUnit, formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { linkTo, useRoute } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Action } from "../../ui/dialog";
import { Figure } from "../../ui/figure";
import { Choice, Search } from "../../ui/filters";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { AddRule, ChangeRule } from "./own-rule";
import { ValueHistory } from "./value-history";

const ORDER = ["firing", "pending", "unknown", "ok", "disabled"];

export function Rules() {
  const { params } = useRoute();
  const live = useLive<RulePage>("/api/rules?limit=200");
  const state = params.get("state");
  const words = (params.get("q") ?? "").toLowerCase();
  const mayAct = useMayAct();
  return (
    <Panel
      title="Rules"
      kind="wide"
      aside={
        <span class="buttons">
          <a href={linkTo("routes")}>Routes</a>
          {mayAct && live.data && <AddRule rules={live.data.items} />}
        </span>
      }
    >
      <div class="filters">
        <Choice name="state" label="State" choices={ORDER} />
        <Search />
      </div>
      <When live={live}>
        {(page) => {
          const shown = page.items
            .filter((rule) => (!state || rule.state === state) && `${rule.id} ${rule.name}`.toLowerCase().includes(words))
            .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name));
          return (
            <>
              <p class="quiet" role="status">
                {shown.length} of {page.items.length} rules
              </p>
              {shown.length === 0 && <Empty>No rules match.</Empty>}
              <ul class="rules long">
                {shown.map((rule) => (
                  <RuleRow key={rule.id} rule={rule} rules={page.items} />
                ))}
              </ul>
            </>
          );
        }}
      </When>
    </Panel>
  );
}

function RuleRow({ rule, rules }: { rule: Rule; rules: Rule[] }) {
  const mayAct = useMayAct();
  const act = (action: string) => (reason: string) =>
    request(`/api/rules/${encodeURIComponent(rule.id)}/${action}`, "POST", { reason });
  return (
    <li class="rule">
      <Badge word={rule.state} />
      <div class="alert-text">
        <b>{rule.name}</b> <span class="quiet">{rule.level}</span>
        {rule.source === "page" && <span class="chip">your own</span>}
        <p>Fires when {rule.fires_when}.</p>
        <p class="quiet">
          value <Figure value={rule.value} path="value" unknown={rule.unknown} show={(value) => formatInUnit(value, rule.unit)} />
          {rule.value === null && rule.unknown.value && ` (${rule.unknown.value.message})`}, threshold {rule.comparison}{" "}
          {formatInUnit(rule.threshold, rule.unit)}
          {" · "}
          <Notifies rule={rule} />, cooldown {formatNumber(rule.cooldown_minutes)} min
          {rule.depends_on.length > 0 && <> · inhibited by {rule.depends_on.join(", ")}</>}
          {rule.last_evaluated_at && (
            <>
              {" "}
              · evaluated <Age since={rule.last_evaluated_at} /> ago
            </>
          )}
        </p>
        <LatestTest deliveries={rule.test_deliveries} />
        <ValueHistory rule={rule} />
      </div>
      <div class="buttons">
        <a href={linkTo(`runbooks/${rule.id}`)}>Runbook</a>
        {mayAct && rule.state !== "disabled" && <Action label="Disable" title={`Disable: ${rule.name}`} act={act("disable")} />}
        {mayAct && rule.state === "disabled" && <Action label="Enable" title={`Enable: ${rule.name}`} act={act("enable")} />}
        {mayAct && <ChangeRule rule={rule} rules={rules} />}
        {mayAct && <Action label="Test" title={`Send a test notification: ${rule.name}`} confirm="Send" act={act("test")} />}
      </div>
    </li>
  );
}

/** As many channels are named one by one. */
const FEW = 3;

/** Whom a rule notifies; a channel that is not configured notifies nobody. */
function Notifies({ rule }: { rule: Rule }) {
  const silent = rule.channels.filter((channel) => !rule.channels_configured.includes(channel));
  return (
    <>
      notifies {rule.channels_configured.join(", ") || "nobody"}
      {silent.length > 0 && (
        <>
          {" "}
          ({silent.length > FEW ? `${silent.length} more` : silent.join(", ")} <a href={linkTo("channels")}>not configured</a>)
        </>
      )}
    </>
  );
}

/** The result of the latest test notification, by channel. */
function LatestTest({ deliveries }: { deliveries: Delivery[] }) {
  const first = deliveries[0];
  if (!first) return null;
  const results = deliveries.map(
    ({ channel, state, last_error }) => `${channel} ${state}${last_error ? ` (${last_error})` : ""}`,
  );
  return (
    <p class="quiet">
      tested <Age since={first.created_at} /> ago: {results.join(", ")}
    </p>
  );
}

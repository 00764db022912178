/** The alert rules: how they stand, and switches for them. */

import type { Delivery, Rule, RulePage } from "../api-types";
import { ask } from "../api";
import { number, seconds } from "../format";
import { useLive } from "../poll";
import { to, useRoute } from "../route";
import { Action } from "../ui/dialog";
import { Age, Badge, Figure, Panel } from "../ui/basics";
import { useMayAct } from "../ui/caller";
import { Choice, Search } from "../ui/filters";
import { Empty, When } from "../ui/state";

const ORDER = ["firing", "pending", "unknown", "ok", "disabled"];

export function Rules() {
  const { params } = useRoute();
  const live = useLive<RulePage>("/api/rules?limit=200");
  const state = params.get("state");
  const words = (params.get("q") ?? "").toLowerCase();
  return (
    <Panel title="Rules" kind="wide">
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
              {shown.length === 0 && <Empty>No rule matches.</Empty>}
              <ul class="rules long">
                {shown.map((rule) => (
                  <RuleRow key={rule.id} rule={rule} />
                ))}
              </ul>
            </>
          );
        }}
      </When>
    </Panel>
  );
}

function RuleRow({ rule }: { rule: Rule }) {
  const mayAct = useMayAct();
  const act = (action: string) => (reason: string) =>
    ask(`/api/rules/${encodeURIComponent(rule.id)}/${action}`, "POST", { reason });
  return (
    <li class="rule">
      <Badge word={rule.state} />
      <div class="alert-text">
        <b>{rule.name}</b> <span class="quiet">{rule.level}</span>
        <p class="quiet">
          value <Figure value={rule.value} path="value" unknown={rule.unknown} />
          {rule.value === null && rule.unknown.value && ` (${rule.unknown.value})`}, threshold {number(rule.threshold)}
          {rule.for_s > 0 && <>, for {seconds(rule.for_s)}</>} · told to {rule.channels.join(", ") || "nobody"}, at most every{" "}
          {number(rule.cooldown_minutes)} min
          {rule.depends_on.length > 0 && <> · told to nobody while {rule.depends_on.join(", ")} fires</>}
          {rule.last_evaluated_at && (
            <>
              {" "}
              · judged <Age since={rule.last_evaluated_at} /> ago
            </>
          )}
        </p>
        <LatestTest deliveries={rule.test_deliveries} />
      </div>
      <div class="buttons">
        <a href={to(`runbooks/${rule.id}`)}>Runbook</a>
        {mayAct && rule.state !== "disabled" && <Action label="Disable" title={`Disable: ${rule.name}`} act={act("disable")} />}
        {mayAct && rule.state === "disabled" && <Action label="Enable" title={`Enable: ${rule.name}`} act={act("enable")} />}
        {mayAct && <Action label="Test" title={`Send a test notification: ${rule.name}`} confirm="Send" act={act("test")} />}
      </div>
    </li>
  );
}

/** Whether the latest test notification got through, channel by channel. */
function LatestTest({ deliveries }: { deliveries: Delivery[] }) {
  const first = deliveries[0];
  if (!first) return null;
  const told = deliveries.map(({ channel, state, last_error }) => `${channel} ${state}${last_error ? ` (${last_error})` : ""}`);
  return (
    <p class="quiet">
      tested <Age since={first.created_at} /> ago: {told.join(", ")}
    </p>
  );
}

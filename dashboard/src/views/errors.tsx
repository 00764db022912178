/** All error groups, with filters. */

import type { ErrorGroup } from "../api-types";
import { Sparkline } from "../charts/sparkline";
import { number } from "../format";
import { usePages } from "../pages";
import { to, useRoute } from "../route";
import { Age, Badge, Panel } from "../ui/basics";
import { Choice, filtered, Given, Search } from "../ui/filters";
import { Paged } from "../ui/pages";

const FILTERS = ["state", "severity", "category", "environment", "release", "tag", "q"];

export function Errors() {
  const { params } = useRoute();
  const pages = usePages<ErrorGroup>(filtered("/api/errors", params, FILTERS));
  return (
    <Panel title="Error groups" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["new", "regressed", "unresolved", "ignored", "resolved"]} />
        <Choice name="severity" label="Severity" choices={["critical", "high", "medium", "low"]} />
        <Choice
          name="category"
          label="Category"
          choices={["database", "api", "authentication", "validation", "integration", "system", "unknown"]}
        />
        <Search />
      </div>
      <Given names={["environment", "release", "tag"]} />
      <Paged pages={pages} words={["group", "groups"]} order="the last seen first" none="No error group matches.">
        {(items) => (
          <ol class="groups long">
            {items.map((group) => (
              <GroupRow key={group.id} group={group} />
            ))}
          </ol>
        )}
      </Paged>
    </Panel>
  );
}

function GroupRow({ group }: { group: ErrorGroup }) {
  const today = group.trend.reduce((sum, count) => sum + count, 0);
  return (
    <li class="group">
      <a href={to(`errors/${group.id}`)}>{group.title}</a>
      <p class="quiet">
        <Badge word={group.state} /> <Badge word={group.severity} /> {group.category} · <bdi>{group.environment}</bdi>
        {group.release && (
          <>
            {" "}
            · <bdi>{group.release}</bdi>
          </>
        )} · {number(group.count)} in all
        {group.users > 0 && <>, {number(group.users)} users</>} · <Age since={group.last_seen_at} /> ago
      </p>
      <Sparkline kind="bars" values={group.trend} name={`${today} occurrences in 24 hours, by hour`} />
    </li>
  );
}

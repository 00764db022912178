/** All error groups, with filters. */

import { Sparkline } from "../../charts/sparkline";
import type { ErrorGroup } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { usePages } from "../../lib/polling/pages";
import { linkTo, useRoute } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { addFilters, Choice, Given, Search } from "../../ui/filters";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
import { Age } from "../../ui/time";

const FILTERS = ["state", "severity", "category", "environment", "release", "tag", "q"];

export function Errors() {
  const { params } = useRoute();
  const pages = usePages<ErrorGroup>(addFilters("/api/errors", params, FILTERS));
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
      <Paged pages={pages} words={["group", "groups"]} order="last seen first" none="No error groups match.">
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
      <a href={linkTo(`errors/${group.id}`)}>{group.title}</a>
      <p class="quiet">
        <Badge word={group.state} /> <Badge word={group.severity} /> {group.category} · <bdi>{group.environment}</bdi>
        {group.release && (
          <>
            {" "}
            · <bdi>{group.release}</bdi>
          </>
        )}{" "}
        · {formatNumber(group.count)} in total
        {group.users !== null && <>, {formatNumber(group.users)} users</>} · <Age since={group.last_seen_at} /> ago
      </p>
      <Sparkline kind="bars" values={group.trend} name={`${today} occurrences in 24 hours, by hour`} />
    </li>
  );
}

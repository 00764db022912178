/** All error groups: a table that sorts, with filters, chips, actions on many, and a file of what is shown. */

import { useState } from "preact/hooks";
import type { ErrorGroup } from "../../lib/api/types";
import { usePages } from "../../lib/polling/pages";
import { setParams, useRoute } from "../../lib/route";
import { saveFile } from "../../lib/save-file";
import { now } from "../../lib/time/now";
import { addFilters, Choice, Given, Search } from "../../ui/filters";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
import { useMayAct } from "../../ui/use-may-act";
import { buildCsv } from "./csv";
import { Assign, actOnGroups, Delete, Ignore, Merge, Reopen, Resolve } from "./group-actions";
import { BEGAN, isByServer, keepBegan, ORDER_WORDS, sortGroups } from "./group-order";
import { GroupTable } from "./group-table";

const FILTERS = ["state", "severity", "category", "environment", "release", "tag", "q", "sort"];
// The most that one request acts on.
const MAX_CHOSEN = 100;

export function Errors() {
  const { params } = useRoute();
  const began = params.get("began");
  const sort = began ? "first_seen" : (params.get("sort") ?? "last_seen");
  const asked = new URLSearchParams(params);
  asked.set("sort", isByServer(sort) && sort !== "last_seen" ? sort : "");
  const pages = usePages<ErrorGroup>(addFilters("/api/errors", asked, FILTERS));
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
        <Order sort={sort} />
        <Search />
      </div>
      <Chips began={began} release={pages.data?.items.find(({ release }) => release)?.release ?? null} />
      <Given names={["environment", "release", "tag"]} />
      <Paged
        pages={pages}
        words={["group", "groups"]}
        order={`${ORDER_WORDS[sort] ?? ""}${isByServer(sort) ? "" : ", of those loaded"}`}
        none="No error groups match."
      >
        {(items) => <Shown groups={keepBegan(sortGroups(items, sort), began, now())} sort={sort} />}
      </Paged>
    </Panel>
  );
}

/** The order, where the table stands as cards without headers. */
function Order({ sort }: { sort: string }) {
  return (
    <label class="filter order">
      Order
      <select value={sort} onChange={(event) => setParams({ sort: event.currentTarget.value, began: "" })}>
        {Object.entries(ORDER_WORDS).map(([by, words]) => (
          <option key={by} value={by}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is new, in one click. */
function Chips({ began, release }: { began: string | null; release: string | null }) {
  const { params } = useRoute();
  return (
    <p class="buttons given">
      {Object.entries(BEGAN).map(([value, { words }]) => (
        <button
          type="button"
          key={value}
          aria-pressed={began === value}
          onClick={() => setParams({ began: began === value ? "" : value })}
        >
          {words}
        </button>
      ))}
      {release && params.get("release") !== release && (
        <button type="button" onClick={() => setParams({ release })}>
          in release {release}
        </button>
      )}
    </p>
  );
}

/** The table, with the groups that are chosen in it. */
function Shown({ groups, sort }: { groups: ErrorGroup[]; sort: string }) {
  const mayAct = useMayAct();
  const [marked, mark] = useState<ReadonlySet<string>>(new Set());
  const chosen = groups.map(({ id }) => id).filter((id) => marked.has(id));
  const choose = (ids: string[], isChosen: boolean) => {
    const next = new Set(marked);
    for (const id of ids) {
      if (isChosen) next.add(id);
      else next.delete(id);
    }
    mark(next);
  };
  if (groups.length === 0) return null;
  return (
    <>
      <p class="buttons given">
        {mayAct && <Bulk ids={chosen} all={groups.map(({ id }) => id)} choose={choose} />}
        <button type="button" onClick={() => saveFile("error-groups.csv", buildCsv(groups))}>
          CSV of these {groups.length}
        </button>
      </p>
      <GroupTable groups={groups} sort={sort} {...(mayAct ? { marked, choose } : {})} />
    </>
  );
}

interface BulkProps {
  ids: string[];
  all: string[];
  choose: (ids: string[], isChosen: boolean) => void;
}

/** What can be done to the chosen groups. */
function Bulk({ ids, all, choose }: BulkProps) {
  const given = { act: actOnGroups(ids), about: `${ids.length} ${ids.length === 1 ? "group" : "groups"}` };
  return (
    <>
      <label class="mark">
        <input
          type="checkbox"
          checked={ids.length > 0 && ids.length === Math.min(all.length, MAX_CHOSEN)}
          onChange={(event) => choose(event.currentTarget.checked ? all.slice(0, MAX_CHOSEN) : all, event.currentTarget.checked)}
        />
        {all.length > MAX_CHOSEN ? `the first ${MAX_CHOSEN}` : "all"}
      </label>
      {ids.length > 0 && (
        <>
          <span class="quiet" role="status">
            {ids.length} chosen
          </span>
          <Resolve {...given} />
          <Ignore {...given} />
          <Reopen {...given} />
          <Assign {...given} />
          <Merge {...given} />
          <Delete {...given} />
        </>
      )}
    </>
  );
}

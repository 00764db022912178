/** Error groups as a table: each header sorts, each row can be chosen. */

import { Sparkline } from "../../charts/sparkline";
import type { ErrorGroup } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { linkTo, setParams } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { type Column, Table } from "../../ui/table";
import { Age } from "../../ui/time";
import { countToday, SORTS } from "./group-order";

interface GroupTableProps {
  groups: ErrorGroup[];
  sort: string;
  /** The chosen groups; left out for somebody who may not act. */
  marked?: ReadonlySet<string>;
  choose?: (ids: string[], isChosen: boolean) => void;
}

/** Columns in pairs, one value above the other: a row has two lines anyway, so all fit a narrow window without a third. */
const PAIRS: Column<ErrorGroup>[][] = [
  [
    ["Severity", ({ severity }) => <Badge word={severity} />],
    ["Level", ({ level }) => level ?? "none"],
  ],
  [["24 h", (group) => <Today group={group} />]],
  [
    ["Users", ({ users }) => (users === null ? "none" : formatNumber(users))],
    ["Total", ({ count }) => formatNumber(count)],
  ],
  [
    ["First seen", ({ first_seen_at }) => <Age since={first_seen_at} />],
    ["Last seen", ({ last_seen_at }) => <Age since={last_seen_at} />],
  ],
  [
    ["Release", ({ release }) => <bdi>{release ?? "none"}</bdi>],
    ["Owner", ({ assigned_to }) => <bdi>{assigned_to ?? "nobody"}</bdi>],
  ],
];

function namePair(pair: Column<ErrorGroup>[]): string {
  return pair.map(([name]) => name).join(" and ");
}

export function GroupTable({ groups, sort, marked, choose }: GroupTableProps) {
  return (
    <Table
      kind="group-table"
      rowKind="group"
      items={groups}
      getKey={({ id }) => id}
      head={(found) =>
        PAIRS.find((pair) => namePair(pair) === found)?.map(([name]) => <Sort key={name} name={name} sort={sort} />)
      }
      columns={[
        [
          "Error",
          (group) => (
            <span class="group-name">
              {marked && choose && (
                <label class="mark">
                  <input
                    type="checkbox"
                    aria-label={`Choose ${group.title}`}
                    checked={marked.has(group.id)}
                    onChange={(event) => choose([group.id], event.currentTarget.checked)}
                  />
                </label>
              )}
              <span>
                <a href={linkTo(`errors/${group.id}`)}>{group.title}</a>
                <span class="quiet">
                  <Badge word={group.state} /> {group.category} · <bdi>{group.environment}</bdi>
                </span>
              </span>
            </span>
          ),
        ],
        ...PAIRS.map(
          (pair): Column<ErrorGroup> => [
            namePair(pair),
            (group) =>
              pair.map(([name, show]) => (
                <span key={name} class="half" data-name={name.toLowerCase()}>
                  {show(group)}
                </span>
              )),
          ],
        ),
      ]}
    />
  );
}

function Today({ group }: { group: ErrorGroup }) {
  const today = countToday(group);
  return (
    <>
      {formatNumber(today)}
      <Sparkline kind="bars" values={group.trend} name={`${today} occurrences in 24 hours, by hour`} />
    </>
  );
}

function Sort({ name, sort }: { name: string; sort: string }) {
  const by = SORTS[name];
  if (!by) return <>{name}</>;
  const isSorted = by === sort;
  return (
    <button type="button" class="sort" aria-pressed={isSorted} onClick={() => setParams({ sort: by, began: "" })}>
      {name}
      <span aria-hidden="true">{isSorted ? " ↓" : ""}</span>
    </button>
  );
}

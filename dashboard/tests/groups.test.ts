/** The order of error groups, what is new, and the file of what is shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildCsv } from "../src/features/errors/csv";
import { keepBegan, ORDER_WORDS, SORTS, sortGroups } from "../src/features/errors/group-order";
import type { ErrorGroup } from "../src/lib/api/types";
import { AT } from "./support/samples";

const group = (id: string, more: Partial<ErrorGroup> = {}): ErrorGroup =>
  ({ id, title: `group ${id}`, severity: "low", trend: [0, 1], release: null, assigned_to: null, ...more }) as ErrorGroup;
const list = (groups: ErrorGroup[]) => groups.map(({ id }) => id).join("");

test("groups sort by severity, by 24 hours, and by texts with those without one last", () => {
  const groups = [
    group("a", { release: "1.10", trend: [5, 5] }),
    group("b", { severity: "critical", assigned_to: "ann" }),
    group("c", { release: "1.9", severity: "high" }),
  ];
  assert.equal(list(sortGroups(groups, "severity")), "bca");
  assert.equal(list(sortGroups(groups, "today")), "abc");
  assert.equal(list(sortGroups(groups, "release")), "abc", "the server sorts them");
  assert.equal(list(sortGroups(groups, "owner")), "bac");
  assert.equal(list(sortGroups(groups, "last_seen")), "abc");
});

test("every order has its words", () => {
  for (const by of Object.values(SORTS)) assert.ok(ORDER_WORDS[by], by);
});

test("what is new began within the span", () => {
  const at = (minutes: number) => new Date(AT - minutes * 60_000).toISOString();
  const groups = [9, 11, 61].map((minutes) => group(`${minutes} `, { first_seen_at: at(minutes) }));
  assert.equal(list(keepBegan(groups, "10m", AT)), "9 ");
  assert.equal(list(keepBegan(groups, "1h", AT)), "9 11 ");
  assert.equal(list(keepBegan(groups, null, AT)), "9 11 61 ");
});

test("a file of groups quotes every text, and no text runs as a formula", () => {
  for (const start of ["=", "+", "-", "@", "\t", "\r"]) {
    const [, row = ""] = buildCsv([group("1", { title: `${start}1+1,"x"` })]).split("\r\n");
    assert.ok(row.startsWith(`"1","'${start}1+1,""x""",`), row);
  }
});

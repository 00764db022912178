/** Documents as HTML: structure, links of the page, and nothing that runs or is loaded. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listSteps, OTHER_PAGES, readSteps, renderDocument } from "../scripts/documents.mjs";

declare const DASHBOARD: string;
const DOCS = join(DASHBOARD, "..", "docs");
const RUNBOOKS = readdirSync(join(DOCS, "runbooks")).filter((name) => name.endsWith(".md"));
const PAGES = [...RUNBOOKS.map((name) => name.slice(0, -3)), ...OTHER_PAGES];
const render = (text: string): string => renderDocument(text, PAGES).split("\n").slice(1).join("\n").trim();

test("structure keeps its kind, one level below the page's title", () => {
  assert.equal(render("# Title"), "<h2>Title</h2>");
  assert.equal(render("## Part\n\n#### Detail"), "<h3>Part</h3>\n<h3>Detail</h3>");
  assert.equal(render("1. one\n   and more\n2. two"), "<ol>\n<li>one\nand more</li>\n<li>two</li>\n</ol>");
  assert.equal(render("`a` and **b**"), "<p><code>a</code> and <strong>b</strong></p>");
});

test("code is text, and the keyboard reaches it", () => {
  assert.equal(render("```sh\nget <b>x</b>\n```"), '<pre tabindex="0">get &lt;b&gt;x&lt;/b&gt;</pre>');
});

test("a table scrolls, names its columns, and has no style of its own", () => {
  const table = render("| a | b |\n|---|---:|\n| 1 | 2 |");
  assert.match(table, /^<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>/);
  assert.match(table, /<th scope="col">a<\/th>\n<th class="right" scope="col">b<\/th>/);
  assert.match(table, /<td>1<\/td>\n<td class="right">2<\/td>/);
});

test("links lead to pages of the dashboard, and any other is its text", () => {
  assert.equal(render("[x](cron_late.md)"), '<p><a href="#/runbooks/cron_late" data-to="runbooks/cron_late">x</a></p>');
  assert.equal(render("[x](../scaling.md#now)"), '<p><a href="#/runbooks/scaling" data-to="runbooks/scaling">x</a></p>');
  assert.equal(render("[x](runbooks/README.md)"), '<p><a href="#/runbooks" data-to="runbooks">x</a></p>');
  for (const target of ["https://example.com", "decisions/0001-x.md", "../../etc/cron_late.md", "#part", "nothing.md"]) {
    assert.equal(render(`[x](${target}) y`), "<p><span>x</span> y</p>");
  }
});

test("markup, scripts and images in a document stay text", () => {
  const hostile = '<img src=x onerror="hurt()"><script>hurt()</script>\n\n[x](javascript:hurt()) ![y](https://example.com/z.png)';
  assert.doesNotMatch(render(hostile), /<(?!\/?(p|span|a)\b)/);
  assert.doesNotMatch(render(hostile), /href=/);
});

test("every document renders to harmless elements alone", () => {
  const paths = [...RUNBOOKS.map((name) => join("runbooks", name)), ...OTHER_PAGES.map((name) => `${name}.md`)];
  assert.ok(paths.length > 60);
  for (const path of paths) {
    const html = render(readFileSync(join(DOCS, path), "utf8"));
    const tags = [...html.matchAll(/<([^>]*)>/g)].map(([, tag = ""]) => tag);
    assert.ok(tags.length > 2, path);
    for (const tag of tags) {
      const name = tag.replace(/^\//, "").split(/[\s/]/)[0] ?? "";
      assert.ok(
        [
          "h2",
          "h3",
          "p",
          "ul",
          "ol",
          "li",
          "pre",
          "code",
          "strong",
          "em",
          "a",
          "span",
          "div",
          "table",
          "thead",
          "tbody",
          "tr",
          "th",
          "td",
          "br",
        ].includes(name),
        `${path}: ${tag}`,
      );
      assert.doesNotMatch(tag, /\b(style|on\w+|src)=/, path);
    }
  }
});

test("the first steps of a runbook lead into the page", () => {
  const steps = (...lines: string[]) =>
    readSteps(`1. not this\n\n**First look at**\n\n${lines.map((line, n) => `${n + 1}. ${line}`).join("\n")}`);
  assert.deepEqual(steps("`get '/api/errors?state=new'` — a `top_errors` of today", "`get /api/pipeline` — `crons`", "third"), [
    ["See the errors", "a top errors of today", "errors?state=new"],
    ["Open the crons", "", "crons"],
  ]);
  assert.deepEqual(steps("`get /api/errors/<id>` of two", '`product "SELECT 1"` — how many'), [
    ["See the errors", "of two", "errors"],
    ["Ask the database", "how many", "runbook"],
  ]);
  assert.deepEqual(steps("the alert's text: the reason", "the vendor's status page"), [
    ["Read the alert", "the reason", "alert"],
    ["The vendor's status page", "", "runbook"],
  ]);
  const [[, long = ""] = []] = steps(`\`get /api/health\` — ${"word ".repeat(40)}`);
  assert.ok(long.length <= 72 && long.endsWith("word …"));
});

test("every rule has two steps that the page or its runbook shows", async () => {
  const found = Object.entries<string[][]>(await listSteps(DOCS));
  assert.equal(found.length, RUNBOOKS.length - 1);
  for (const [rule, steps] of found) {
    assert.equal(steps.length, 2, rule);
    for (const [title = "", detail = "", where = ""] of steps) {
      assert.match(where, /^(alert|runbook|raw\/[a-z/]+|(errors|alerts|crons)(\?[\w=&]+)?|[a-z]+)$/, rule);
      assert.doesNotMatch(title + detail, /[`]|\]\(|^\s|get \/api/, rule);
    }
  }
});

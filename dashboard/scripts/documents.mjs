/** Renders the documents that the page shows: Markdown of docs/ becomes HTML when the page is built. */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, parse } from "node:path";
import MarkdownIt from "markdown-it";

/** The pages that runbooks link to, and the pages that those link to. */
export const OTHER_PAGES = [
  "access",
  "alerting",
  "call-costs",
  "check-ins",
  "configuration",
  "deployment",
  "external-alerts",
  "incidents",
  "routes",
  "history",
  "scaling",
  "stages",
  "status-page",
  "troubleshooting",
];
/** How each rendered page begins; the page shows no other HTML. */
export const DOCUMENT_START = "<!-- Rendered by the build of Callwatch. -->";

/** A list as the definition of a text: esbuild writes a text where it is used, and a list into what every view loads. */
export const writeText = (list) => JSON.stringify(JSON.stringify(list));

/** The HTML of one document. `pages` are the names that a link may lead to; any other link becomes its text. */
export function renderDocument(text, pages) {
  // Markup in a document is shown as text, and no image is loaded.
  const markdown = new MarkdownIt({ html: false }).disable("image");
  markdown.core.ruler.push("page", ({ tokens }) => {
    for (const token of tokens) adaptBlock(token, pages);
  });
  const code = (tokens, index) => `<pre tabindex="0">${markdown.utils.escapeHtml(tokens[index].content.trimEnd())}</pre>\n`;
  Object.assign(markdown.renderer.rules, {
    fence: code,
    code_block: code,
    table_open: () => '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>\n',
    table_close: () => "</table></div>\n",
  });
  return `${DOCUMENT_START}\n${markdown.render(text)}`;
}

/** Every runbook and other page, with its title: the page searches them without a request. */
export async function listRunbooks(docs) {
  const names = (await readdir(join(docs, "runbooks"))).filter((name) => name.endsWith(".md") && name !== "README.md").sort();
  const pages = [...names.map((name) => ["runbooks", parse(name).name]), ...OTHER_PAGES.map((name) => ["", name])];
  return Promise.all(
    pages.map(async ([folder, page]) => {
      const text = await readFile(join(docs, folder, `${page}.md`), "utf8");
      return { page, title: /^# (.+)/m.exec(text)?.[1] ?? page };
    }),
  );
}

/** Where the page shows what a command of a runbook asks the API for, by its path and the words after it; and what a link there says. */
const SHOWN_BY = [
  [/^(errors|metrics\/errors)/, "errors", "See the errors"],
  [/^alerts/, "alerts", "See the alerts"],
  [/^(crons|pipeline.*\bcrons\b)/, "crons", "Open the crons"],
  [/^incidents/, "incidents", "See the incidents"],
  [/^ingest/, "ingest", "See what clients send"],
  [/^rules/, "rules", "Open the rules"],
  [/^(uptime|(health|status).*\b(services?|reason|degraded|check)\b)/, "uptime", "See the services"],
  [/^metrics\/costs/, "costs", "See the costs"],
  [/^metrics\/history/, "explore", "Explore the history"],
  [/^(pipeline|metrics\/jobs)/, "", "See the pipeline"],
  [/^metrics\/system/, "", "See requests and resources"],
  [/^health/, "", "See the monitor's health"],
  [/^/, "", "See the response"],
];
/** Filters that the addresses of these views have, too. */
const FILTERED = ["errors", "alerts", "crons"];
const DETAIL_LENGTH = 70;

/** The first two steps of each rule's runbook, by the rule. */
export async function listSteps(docs) {
  const names = (await readdir(join(docs, "runbooks"))).filter((name) => name.endsWith(".md") && name !== "README.md").sort();
  const found = names.map(async (name) => [parse(name).name, readSteps(await readFile(join(docs, "runbooks", name), "utf8"))]);
  return Object.fromEntries(await Promise.all(found));
}

/**
 * The first two steps in the text of a runbook, as [what to do, detail, where]. Where: a view with its filters, the raw response of
 * a path ("raw/pipeline"), "alert" for the incident's own alert, or "runbook" for what the page does not show.
 */
export function readSteps(text) {
  const list = text.slice(text.indexOf("**First look at**")).matchAll(/^\d+\. (.+)$/gm);
  return [...list].slice(0, 2).map(([, step = ""]) => readCommand(step) ?? readWords(step));
}

function readCommand(step) {
  const asked = /`(?:get|curl -s) ['"]?(?:\$URL)?\/api\/([^'"`\s]+)['"]?`/.exec(step);
  if (!asked) return null;
  const [bare = "", query = ""] = (asked[1] ?? "").split("?");
  const rest = step.slice(asked.index + asked[0].length);
  const [, view = "", title = ""] = SHOWN_BY.find(([pattern]) => pattern.test(`${bare} ${rest}`)) ?? [];
  const detail = clean(rest.replace(/`get [^`]*`/g, ""));
  const filters = FILTERED.includes(view) && query && !query.includes("<") ? `?${query}` : "";
  return [title, detail === view ? "" : detail, view ? view + filters : `raw/${bare.replace(/\/<.*/, "")}`];
}

function readWords(step) {
  const about = /^the alert(?:'s \w+)?\b(.*)/.exec(step);
  if (about) return ["Read the alert", clean(about[1] ?? ""), "alert"];
  const asks = /^`(?:product|psql) [^`]*`(.*)/.exec(step);
  if (asks) return ["Ask the database", clean(asks[1] ?? ""), "runbook"];
  return [clean(step.replace(/^./, (letter) => letter.toUpperCase())), "", "runbook"];
}

/** Markdown as plain words, cut between two of them; names of fields become words. */
function clean(markdown) {
  const words = markdown
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replace(/`([a-z_.[\]<>]+)`/g, (_code, name) => name.replace(/[[\]<>]/g, "").replace(/[._]+/g, " "))
    .replaceAll("`", "")
    .replace(/^[\s—:;,]+/, "")
    .trim();
  return words.length <= DETAIL_LENGTH ? words : `${words.slice(0, words.lastIndexOf(" ", DETAIL_LENGTH))} …`;
}

/** Write each runbook and each other page into a folder, as rendered and as written. */
export async function writeDocuments(docs, folder) {
  const names = (await readdir(join(docs, "runbooks"))).filter((name) => name.endsWith(".md")).map((name) => parse(name).name);
  const pages = [...names, ...OTHER_PAGES];
  await mkdir(join(folder, "runbooks"), { recursive: true });
  for (const path of [...names.map((name) => join("runbooks", name)), ...OTHER_PAGES]) {
    const source = join(docs, `${path}.md`);
    await writeFile(join(folder, `${path}.html`), renderDocument(await readFile(source, "utf8"), pages));
    await copyFile(source, join(folder, `${path}.md`));
  }
}

function adaptBlock(token, pages) {
  // The page's own title stands above, and two levels are enough below it.
  if (token.type === "heading_open" || token.type === "heading_close") token.tag = token.tag === "h1" ? "h2" : "h3";
  if (token.type === "th_open" || token.type === "td_open") {
    // The page's policy allows no style attribute.
    const isRight = token.attrGet("style") === "text-align:right";
    token.attrs = [...(isRight ? [["class", "right"]] : []), ...(token.type === "th_open" ? [["scope", "col"]] : [])];
  }
  adaptLinks(token.children ?? [], pages);
}

/** Links to other documents become addresses of the page. */
function adaptLinks(tokens, pages) {
  let hash = null;
  for (const token of tokens) {
    if (token.type === "link_open") {
      hash = findHash(token.attrGet("href"), pages);
      if (hash === null) token.attrs = null;
      else {
        token.attrs = [
          ["href", `#/${hash}`],
          ["data-to", hash],
        ];
      }
    }
    if (hash === null && (token.type === "link_open" || token.type === "link_close")) token.tag = "span";
  }
}

/** The page's address of a document: "runbooks/cron_late" for ../runbooks/cron_late.md; null if it has none. */
function findHash(href, pages) {
  const { dir, name, ext } = parse(href.split("#", 1)[0]);
  if (ext !== ".md" || !["", "..", "runbooks"].includes(dir) || !pages.includes(name)) return null;
  return name === "README" ? "runbooks" : `runbooks/${name}`;
}

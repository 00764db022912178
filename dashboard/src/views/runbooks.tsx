/** Runbooks as pages: the markdown beside the page, read as structure and shown as text. */

import type { ComponentChildren } from "preact";
import { useLive } from "../poll";
import { ApiError } from "../api";
import { to } from "../route";
import { When } from "../ui/state";
import { type Block, blocksOf, spansOf } from "./markdown";

const FOLDER = "/admin/assets/runbooks";
/** The pages beside the runbooks, as the build knows them. */
declare const BESIDE: string[];

async function fetchText(path: string): Promise<string> {
  const answer = await fetch(path).catch(() => null);
  if (!answer) throw new ApiError(0, "the page's own files do not answer");
  if (answer.status === 403 || answer.status === 404) throw new ApiError(404, "there is no such runbook");
  if (!answer.ok) throw new ApiError(answer.status, `the page's own files answer with status ${answer.status}`);
  return answer.text();
}

/** Where a page lies: the pages that runbooks speak of stand one folder up. */
function pathOf(id: string): string {
  return BESIDE.includes(id) ? `/admin/assets/${id}.md` : `${FOLDER}/${encodeURIComponent(id)}.md`;
}

export function Runbooks() {
  return (
    <div class="stack">
      <article class="panel runbook">
        <Text path={`${FOLDER}/README.md`} />
      </article>
    </div>
  );
}

export function Runbook({ id }: { id: string }) {
  return (
    <div class="stack">
      <p class="back">
        <a href={to("runbooks")}>← Runbooks</a>
      </p>
      <article class="panel runbook">
        <Text path={pathOf(id)} />
        <p class="quiet">
          <a href={pathOf(id)}>This page as plain text</a>
          {!BESIDE.includes(id) && (
            <>
              {" "}
              · <a href={to("rules", { q: id })}>The rule</a> · <a href={to("alerts", { rule_id: id })}>Its alerts</a>
            </>
          )}
        </p>
      </article>
    </div>
  );
}

function Text({ path }: { path: string }) {
  const live = useLive<string>(path, () => fetchText(path));
  return <When live={live}>{(text) => blocksOf(text).map((block, index) => <Shown key={index} block={block} />)}</When>;
}

function Shown({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      return block.level === 1 ? <h2>{spans(block.text)}</h2> : <h3>{spans(block.text)}</h3>;
    case "code":
      return <pre tabIndex={0}>{block.text}</pre>;
    case "list": {
      const items = block.items.map((item, index) => <li key={index}>{spans(item)}</li>);
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        <div class="scroll" role="region" aria-label="Table" tabIndex={0}>
          <table>
            <tbody>
              {block.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) =>
                    index === 0 ? (
                      <th scope="col" key={column}>
                        {spans(cell)}
                      </th>
                    ) : (
                      <td key={column}>{spans(cell)}</td>
                    ),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    default:
      return <p>{spans(block.text)}</p>;
  }
}

function spans(text: string): ComponentChildren {
  return spansOf(text).map((span, index) => {
    if (span.kind === "code") return <code key={index}>{span.text}</code>;
    if (span.kind === "strong") return <strong key={index}>{span.text}</strong>;
    if (span.kind === "page")
      return (
        <a key={index} href={to(`runbooks/${span.page}`)}>
          {span.text}
        </a>
      );
    return span.text;
  });
}

/** Runbooks as pages: HTML that the build rendered from docs/, next to the page's own files. */

import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../../lib/api/client";
import { useLive } from "../../lib/polling/use-live";
import { linkTo, useRange } from "../../lib/route";
import { When } from "../../ui/state";

/** The pages that runbooks link to, as a list in JSON; the build defines it. */
declare const OTHER_PAGES: string;
/** How each rendered page begins; a proxy's sign-in page does not begin so. */
declare const DOCUMENT_START: string;

const ASSETS = "/admin/assets";

export function Runbooks() {
  return (
    <div class="stack">
      <article class="panel runbook">
        <Document path={`${ASSETS}/runbooks/README`} />
      </article>
    </div>
  );
}

export function Runbook({ id }: { id: string }) {
  const isRule = !JSON.parse(OTHER_PAGES).includes(id);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("runbooks")}>← Runbooks</a>
      </p>
      <article class="panel runbook">
        <Document path={`${ASSETS}/${isRule ? "runbooks/" : ""}${encodeURIComponent(id)}`} />
        {isRule && (
          <p class="quiet">
            <a href={linkTo("rules", { q: id })}>The rule</a> · <a href={linkTo("alerts", { rule_id: id })}>Its alerts</a>
          </p>
        )}
      </article>
    </div>
  );
}

/** The document at a path, which lacks the ending: .html as rendered, .md as written. */
function Document({ path }: { path: string }) {
  const live = useLive<string>(`${path}.html`, () => loadDocument(`${path}.html`));
  return (
    <When live={live}>
      {(html) => (
        <>
          <Rendered html={html} />
          <p class="quiet">
            <a href={`${path}.md`}>This page as plain text</a>
          </p>
        </>
      )}
    </When>
  );
}

/** The HTML is the build's own: it escapes the text of the documents, and the page's policy runs no script from it. */
function Rendered({ html }: { html: string }) {
  const place = useRef<HTMLDivElement>(null);
  const range = useRange();
  useEffect(() => {
    // As all links of the page, these keep the chosen range.
    for (const link of place.current?.querySelectorAll<HTMLAnchorElement>("a[data-to]") ?? [])
      link.href = linkTo(link.dataset.to ?? "");
  }, [html, range]);
  return <div class="document" ref={place} dangerouslySetInnerHTML={{ __html: html }} />;
}

async function loadDocument(path: string): Promise<string> {
  const response = await fetch(path).catch(() => null);
  if (!response) throw new ApiError(0, "the page's own files cannot be loaded");
  if (response.status === 403 || response.status === 404) throw new ApiError(404, "this runbook does not exist");
  if (!response.ok) throw new ApiError(response.status, `the page's own files return status ${response.status}`);
  const html = await response.text();
  if (!html.startsWith(DOCUMENT_START)) throw new ApiError(0, "the response is not one of the page's own files");
  return html;
}

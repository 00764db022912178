/** The latest occurrences of a group, one at a time: stack, context, breadcrumbs, tags. */

import { useState } from "preact/hooks";
import type { Breadcrumb, Frame, Occurrence, Payload } from "../shapes";
import { Facts, Panel, Time } from "../ui/basics";
import { Empty } from "../ui/state";

export function Occurrences({ occurrences }: { occurrences: Occurrence[] }) {
  const [chosen, choose] = useState<string | null>(null);
  if (occurrences.length === 0) return <Panel title="Latest occurrence"><Empty>None is kept any more.</Empty></Panel>;
  const index = Math.max(0, occurrences.findIndex((one) => one.event_id === chosen));
  const occurrence = occurrences[index] as Occurrence;
  const step = (by: number) => choose(occurrences[index + by]?.event_id ?? null);
  const aside = (
    <span class="buttons">
      <button type="button" disabled={index === occurrences.length - 1} onClick={() => step(1)}>Older</button>
      <span class="quiet" role="status">{index + 1} of {occurrences.length}</span>
      <button type="button" disabled={index === 0} onClick={() => step(-1)}>Newer</button>
    </span>
  );
  return (
    <Panel title={index === 0 ? "Latest occurrence" : "Occurrence"} aside={aside}>
      <Facts
        rows={[
          ["when", <Time at={occurrence.occurred_at} />],
          ["event", <code>{occurrence.event_id}</code>],
          ...given("endpoint", occurrence.endpoint),
          ...given("release", occurrence.release),
          ...given("sdk", occurrence.payload?.sdk),
        ]}
      />
      {occurrence.payload ? <Details payload={occurrence.payload} message={occurrence.message} /> : <Empty>Only that it happened is kept of this one: its details were sampled out.</Empty>}
    </Panel>
  );
}

function given(name: string, value: string | null | undefined): [string, string][] {
  return value ? [[name, value]] : [];
}

function Details({ payload, message }: { payload: Payload; message: string | null }) {
  const links = payload.exceptions?.length ? payload.exceptions : [{ type: null, value: message }];
  return (
    <>
      {[...links].reverse().map((link, index) => (
        <p key={index} class="exception">
          {index > 0 && <span class="quiet">caused by </span>}
          {link.type && <b>{link.type}: </b>}
          {link.value}
        </p>
      ))}
      {payload.frames?.length ? <Frames frames={payload.frames} /> : payload.stack && <Block title="Stack">{payload.stack}</Block>}
      {payload.tags && <Tags tags={payload.tags} />}
      {payload.breadcrumbs && payload.breadcrumbs.length > 0 && <Breadcrumbs crumbs={payload.breadcrumbs} />}
      {hasContent(payload.context) && <Block title="Context">{JSON.stringify(payload.context, null, 2)}</Block>}
      {hasContent(payload.request) && <Block title="Request">{JSON.stringify(payload.request, null, 2)}</Block>}
      {payload.trimmed && payload.trimmed.length > 0 && <p class="quiet">Trimmed to fit: {payload.trimmed.join(", ")}</p>}
    </>
  );
}

function hasContent(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The innermost call first; frames of libraries fold away. */
function Frames({ frames }: { frames: Frame[] }) {
  const ordered = [...frames].reverse();
  const own = ordered.filter((frame) => frame.in_app !== false);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole || own.length === 0 ? ordered : own;
  return (
    <section aria-label="Stack">
      <h3>Stack, the innermost call first</h3>
      <ol class="frames">
        {shown.map((frame, index) => (
          <li key={index} class={frame.in_app === false ? "library" : ""}>
            <code>
              <b>{frame.function ?? "?"}</b> {frame.filename ?? frame.module ?? "?"}
              {frame.lineno !== undefined && `:${frame.lineno}`}
            </code>
            {frame.context_line && <code class="line">{frame.context_line.trim()}</code>}
            {hasContent(frame.vars) && (
              <details>
                <summary>variables</summary>
                <pre tabIndex={0}>{JSON.stringify(frame.vars, null, 2)}</pre>
              </details>
            )}
          </li>
        ))}
      </ol>
      {own.length > 0 && own.length < ordered.length && (
        <button type="button" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Only our own frames" : `Show ${ordered.length - own.length} frames of libraries`}
        </button>
      )}
    </section>
  );
}

function Tags({ tags }: { tags: Record<string, string> }) {
  return (
    <section aria-label="Tags">
      <h3>Tags</h3>
      <ul class="tags">
        {Object.entries(tags).map(([name, value]) => (
          <li key={name}>
            <span class="quiet">{name}</span> {value}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Breadcrumbs({ crumbs }: { crumbs: Breadcrumb[] }) {
  return (
    <section aria-label="Breadcrumbs">
      <h3>Breadcrumbs, the latest first</h3>
      <ol class="timeline">
        {[...crumbs].reverse().map((crumb, index) => (
          <li key={index}>
            {crumb.timestamp !== undefined && <CrumbTime at={crumb.timestamp} />} <b>{String(crumb.category ?? crumb.type ?? "")}</b> {crumb.level && <span class="quiet">{String(crumb.level)}</span>}
            <p>{String(crumb.message ?? "")}</p>
            {hasContent(crumb.data) && <code class="line">{JSON.stringify(crumb.data)}</code>}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Some clients give seconds, others a text, some nonsense. */
function CrumbTime({ at }: { at: string | number }) {
  const when = typeof at === "number" ? at * 1000 : Date.parse(at);
  return Number.isFinite(when) && Math.abs(when) < 8e15 ? <Time at={when} /> : null;
}

function Block({ title, children }: { title: string; children: string }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <pre tabIndex={0}>{children}</pre>
    </section>
  );
}

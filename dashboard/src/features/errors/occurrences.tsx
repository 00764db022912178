/** The latest occurrences of a group, one at a time: stack, context, breadcrumbs and tags. */

import { useState } from "preact/hooks";
import type { ArchiveSpan, ErrorGroupDetail, Occurrence, OccurrenceDetail } from "../../lib/api/types";
import { useSlow } from "../../lib/polling/use-live";
import { linkTo, setParams, useRoute } from "../../lib/route";
import { Facts } from "../../ui/facts";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Time } from "../../ui/time";
import { type Breadcrumb, type ExceptionLink, explainUnmapped, type Frame, listLines, pickObjects } from "./client-shapes";

export function Occurrences({ group }: { group: ErrorGroupDetail }) {
  const { params } = useRoute();
  const latest = group.occurrences[0]?.event_id;
  // What is being read stays, whatever comes after it.
  const [pinned] = useState(latest);
  const shown = params.get("event") ?? pinned ?? latest;
  if (!shown) {
    return (
      <Panel title="Latest occurrence">
        <Empty>{group.only_archived ? tellArchive(group.only_archived) : "No occurrence is stored anymore."}</Empty>
      </Panel>
    );
  }
  return <OneOccurrence key={shown} group={group} id={shown} />;
}

/** Says where occurrences are whose rows have left the database. */
function tellArchive({ first_day, last_day }: ArchiveSpan): string {
  return `Occurrences of ${first_day} to ${last_day} are counted here and may be only in the archive: make query reads it.`;
}

/** One occurrence, which has an address of its own, and the way to its neighbors. */
function OneOccurrence({ group, id }: { group: ErrorGroupDetail; id: string }) {
  const live = useSlow<OccurrenceDetail>(`/api/errors/${encodeURIComponent(group.id)}/occurrences/${encodeURIComponent(id)}`);
  const known = group.occurrences.find(({ event_id }) => event_id === id);
  const occurrence = live.data ?? known;
  const isLatest = group.occurrences[0]?.event_id === id;
  const index = group.occurrences.findIndex(({ event_id }) => event_id === id);
  const older = group.occurrences[index + 1]?.event_id ?? live.data?.previous_event_id ?? null;
  const newer = (index > 0 ? group.occurrences[index - 1]?.event_id : live.data?.next_event_id) ?? null;
  const show = (event: string | null) => setParams({ event: event ?? "" });
  if (!occurrence) {
    return (
      <Panel title="Occurrence">
        <When live={live}>{() => null}</When>
      </Panel>
    );
  }
  const aside = (
    <span class="buttons">
      <button type="button" disabled={!older} onClick={() => show(older)}>
        Older
      </button>
      <span class="quiet" role="status">
        {index < 0 ? "an older one" : `${index + 1} of ${group.occurrences.length}`}
      </span>
      <button type="button" disabled={!newer} onClick={() => show(newer)}>
        Newer
      </button>
    </span>
  );
  return (
    <Panel title={isLatest ? "Latest occurrence" : "Occurrence"} aside={aside}>
      <Facts
        rows={[
          ["when", <Time at={occurrence.occurred_at} />],
          [
            "event",
            <a href={linkTo(`errors/${group.id}`, { event: occurrence.event_id })}>
              <code>{occurrence.event_id}</code>
            </a>,
          ],
          ...listGiven("endpoint", occurrence.endpoint),
          ...listGiven("release", occurrence.release),
          ...listGiven("service", occurrence.service),
          ...listGiven("client", typeof occurrence.sdk === "string" ? occurrence.sdk : null),
          ...listGiven("user", occurrence.user_hash && `${occurrence.user_hash.slice(0, 12)}… (hashed)`),
        ]}
      />
      <Details occurrence={occurrence} />
      {occurrence.is_sampled && <Empty>This occurrence is counted; its details were sampled out and are not stored.</Empty>}
      {!older && group.only_archived && <Empty>{tellArchive(group.only_archived)}</Empty>}
    </Panel>
  );
}

function listGiven(name: string, value: string | null | undefined): [string, string][] {
  return value ? [[name, value]] : [];
}

function Details({ occurrence }: { occurrence: Occurrence }) {
  const frames = pickObjects<Frame>(occurrence.frames);
  const crumbs = pickObjects<Breadcrumb>(occurrence.breadcrumbs);
  const marks = (["scrubbed", "trimmed", "sanitized"] as const).filter((name) => occurrence[name]?.length);
  return (
    <>
      <Exceptions occurrence={occurrence} />
      {frames.length > 0 ? (
        <Frames frames={frames} />
      ) : (
        typeof occurrence.stack === "string" && <Block title="Stack">{occurrence.stack}</Block>
      )}
      {hasContent(occurrence.tags) && <Tags tags={occurrence.tags as Record<string, unknown>} />}
      {crumbs.length > 0 && <Breadcrumbs crumbs={crumbs} />}
      {hasContent(occurrence.context) && <Block title="Context">{JSON.stringify(occurrence.context, null, 2)}</Block>}
      {hasContent(occurrence.request) && <Block title="Request">{JSON.stringify(occurrence.request, null, 2)}</Block>}
      {marks.map((name) => (
        <p key={name} class="quiet">
          {name}: {occurrence[name]?.join(", ")}
        </p>
      ))}
    </>
  );
}

/** The exception, and what caused it. */
function Exceptions({ occurrence }: { occurrence: Occurrence }) {
  const given = pickObjects<ExceptionLink>(occurrence.exceptions);
  const links = given.length ? given : [{ type: occurrence.type, value: occurrence.message }];
  return [...links].reverse().map((link, index) => (
    <p key={index} class="exception">
      {index > 0 && <span class="quiet">caused by </span>}
      {link.type && <b>{String(link.type)}: </b>}
      {String(link.value ?? "")}
    </p>
  ));
}

function hasContent(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** Innermost call first; library frames are folded. */
function Frames({ frames }: { frames: Frame[] }) {
  const ordered = [...frames].reverse();
  const own = ordered.filter((frame) => frame.in_app !== false);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole || own.length === 0 ? ordered : own;
  return (
    <section aria-label="Stack">
      <h3>Stack, innermost call first</h3>
      <ol class="frames">
        {shown.map((frame, index) => (
          <li key={index} class={frame.in_app === false ? "library" : ""}>
            <code>
              <b>{String(frame.function ?? "?")}</b> <bdi>{String(frame.filename ?? frame.module ?? "?")}</bdi>
              {frame.lineno != null && `:${frame.lineno}`}
            </code>
            {frame.context_line && <code class="line">{String(frame.context_line).trim()}</code>}
            {explainUnmapped(frame) && <span class="quiet">{explainUnmapped(frame)}</span>}
            <Source frame={frame} />
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
          {isWhole ? "Show only application frames" : `Show ${ordered.length - own.length} library frames`}
        </button>
      )}
    </section>
  );
}

/** The lines around a frame, and where it was before its source map was applied. */
function Source({ frame }: { frame: Frame }) {
  const lines = listLines(frame);
  const sent = frame.source_map === "applied" ? frame.minified : undefined;
  if (lines.length === 0 && !sent) return null;
  return (
    <details>
      <summary>source</summary>
      {lines.length > 0 && (
        <pre tabIndex={0}>{lines.map((line) => `${line.isOwn ? ">" : " "} ${line.number} ${line.text}\n`).join("")}</pre>
      )}
      {sent && (
        <p class="quiet">
          sent as <bdi>{`${sent.function ?? "?"} ${sent.filename ?? "?"}:${sent.lineno ?? "?"}:${sent.colno ?? "?"}`}</bdi>
        </p>
      )}
    </details>
  );
}

function Tags({ tags }: { tags: Record<string, unknown> }) {
  return (
    <section aria-label="Tags">
      <h3>Tags</h3>
      <ul class="tags">
        {Object.entries(tags).map(([name, value]) => (
          <li key={name}>
            <span class="quiet">{name}</span> {String(value)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Breadcrumbs({ crumbs }: { crumbs: Breadcrumb[] }) {
  return (
    <section aria-label="Breadcrumbs">
      <h3>Breadcrumbs, latest first</h3>
      <ol class="timeline">
        {[...crumbs].reverse().map((crumb, index) => (
          <li key={index}>
            {crumb.timestamp !== undefined && <CrumbTime at={crumb.timestamp} />}{" "}
            <b>{String(crumb.category ?? crumb.type ?? "")}</b> {crumb.level && <span class="quiet">{String(crumb.level)}</span>}
            <p>{String(crumb.message ?? "")}</p>
            {hasContent(crumb.data) && <code class="line">{JSON.stringify(crumb.data)}</code>}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Clients send seconds, a text, or something that is no time. */
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

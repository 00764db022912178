/** Routes that people make on the page: a form to add or change one, buttons to move and delete it, and its dry run. */

import { useState } from "preact/hooks";
import { ApiError, request } from "../../lib/api/client";
import type { ChannelPage, RouteDryRun, RouteItem, RoutePage } from "../../lib/api/types";
import { LEVELS } from "../../lib/levels";
import { useSlow } from "../../lib/polling/use-live";
import { Action } from "../../ui/dialog";
import { type Outcome, Result } from "./dry-run";
import { type Definition, readRoute, showRoute, TEXTS } from "./read-route";
import { readLabels } from "./words";

/** Where a route stands among those of the page; null: it is a new one, and stands behind the others. */
type Place = number | null;

const OPTIONAL = { usualReason: "no reason given" };
const PATH = "/api/routes";

export function listOwn({ items }: RoutePage): Definition[] {
  return items.filter(({ source }) => source === "page").map(({ definition }) => definition);
}

/** The routes of the page with one of them in its place replaced, added, or without it. */
export function place(routes: readonly Definition[], at: Place, route: Definition | null): Definition[] {
  const rest = routes.slice(at === null ? routes.length : at + 1);
  return [...routes.slice(0, at ?? routes.length), ...(route ? [route] : []), ...rest];
}

export function move(routes: readonly Definition[], at: number, by: number): Definition[] {
  const others = routes.filter((_route, index) => index !== at);
  return [...others.slice(0, at + by), ...routes.slice(at, at + 1), ...others.slice(at + by)];
}

/** All routes at once, made from a version: what somebody else saved meanwhile is not overwritten. */
const save = (page: RoutePage, routes: Definition[], reason: string) =>
  request(PATH, "PUT", { version: page.version, routes, reason });

export function AddRoute({ page }: { page: RoutePage }) {
  const routes = listOwn(page);
  return (
    <Action
      label="Add a route"
      title="A route of your own"
      confirm="Add"
      {...OPTIONAL}
      fields={<Fields routes={routes} at={null} />}
      act={(reason, form) => save(page, place(routes, null, readRoute(form)), reason)}
    />
  );
}

export function ChangeRoute({ page, route, at }: { page: RoutePage; route: RouteItem; at: number }) {
  const routes = listOwn(page);
  const to = (by: number) => (reason: string) => save(page, move(routes, at, by), reason);
  return (
    <>
      {at > 0 && <Action label="Move up" title={`Move up: ${route.name}`} {...OPTIONAL} act={to(-1)} />}
      {at < routes.length - 1 && <Action label="Move down" title={`Move down: ${route.name}`} {...OPTIONAL} act={to(1)} />}
      <Action
        label="Change"
        title={`Change: ${route.name}`}
        {...OPTIONAL}
        fields={<Fields routes={routes} at={at} />}
        act={(reason, form) => save(page, place(routes, at, readRoute(form)), reason)}
      />
      <Action
        label="Delete"
        title={`Delete: ${route.name}`}
        {...OPTIONAL}
        act={(reason) => save(page, place(routes, at, null), reason)}
      />
    </>
  );
}

function Fields({ routes, at }: { routes: readonly Definition[]; at: Place }) {
  const channels = useSlow<ChannelPage>("/api/channels");
  const shown = showRoute(at === null ? {} : (routes[at] ?? {}));
  const known = channels.data?.items ?? [];
  const names = [...new Set([...known.map(({ name }) => name), ...shown.channels])];
  const isUsable = (name: string) => known.some((channel) => channel.name === name && channel.is_configured);
  return (
    <>
      <label>
        Name
        <input name="name" required maxLength={60} defaultValue={shown.name} autofocus />
      </label>
      <fieldset class="choices">
        <legend>Levels (none: all)</legend>
        {LEVELS.map((level) => (
          <label key={level}>
            <input type="checkbox" name="level" value={level} defaultChecked={shown.levels.includes(level)} />
            {level}
          </label>
        ))}
      </fieldset>
      <div class="three">
        {TEXTS.map((part) => (
          <label key={part}>
            {part[0]?.toUpperCase() + part.slice(1)}
            <input name={part} maxLength={2000} defaultValue={shown.texts[part]} placeholder="any; * is any text" />
          </label>
        ))}
      </div>
      <fieldset class="choices">
        <legend>Channels (none: those of the rule)</legend>
        {names.map((name) => (
          <label key={name}>
            <input type="checkbox" name="channel" value={name} defaultChecked={shown.channels.includes(name)} />
            {name}
            {!isUsable(name) && <span class="quiet"> not configured</span>}
          </label>
        ))}
      </fieldset>
      <div class="three">
        <label>
          Waits, minutes
          <input name="wait" type="number" min="0" step="any" defaultValue={shown.wait} />
        </label>
        <label>
          Repeats, minutes
          <input name="repeat" type="number" min="5" step="any" defaultValue={shown.repeat} />
        </label>
      </div>
      <label>
        While nobody takes it
        <textarea name="steps" rows={2} defaultValue={shown.steps} placeholder="15: pagerduty, slack" />
      </label>
      <label>
        Further fields, as JSON
        <textarea
          name="others"
          rows={shown.others ? 6 : 2}
          defaultValue={shown.others}
          placeholder='{"group_by": ["stage"], "match": {"labels": {"agency": "acme"}}}'
        />
      </label>
      <TryIt routes={routes} at={at} />
    </>
  );
}

/** Where an alert would go if the form were saved. */
function TryIt({ routes, at }: { routes: readonly Definition[]; at: Place }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const attempt = async (event: MouseEvent) => {
    const form = (event.currentTarget as HTMLElement).closest("form");
    if (form?.reportValidity()) setOutcome(await tryDraft(routes, at, new FormData(form)));
  };
  return (
    <div>
      <div class="three">
        <label>
          Try it: rule
          <input name="try_rule" maxLength={100} placeholder="database_health" />
        </label>
        <label>
          Labels
          <input name="try_labels" maxLength={2000} placeholder="stage=recordings" />
        </label>
      </div>
      <button type="button" onClick={(event) => void attempt(event)}>
        Where would it go?
      </button>
      <div role="status">{outcome && <Result outcome={outcome} />}</div>
    </div>
  );
}

async function tryDraft(routes: readonly Definition[], at: Place, form: FormData): Promise<Outcome> {
  const labels = readLabels(String(form.get("try_labels") ?? ""));
  if (labels === null) return { problem: "Write labels as name=value, with commas between them." };
  const rule_id = String(form.get("try_rule") ?? "").trim() || "database_health";
  try {
    const asked = { rule_id, labels, routes: place(routes, at, readRoute(form)) };
    return { found: await request<RouteDryRun>(`${PATH}/dry-run`, "POST", asked) };
  } catch (error) {
    return { problem: error instanceof ApiError || error instanceof Error ? error.message : String(error) };
  }
}

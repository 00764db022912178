/** What the public status page says of an incident, and the form in which a person publishes it in their own words. */

import { request } from "../../lib/api/client";
import type { Publication } from "../../lib/api/types";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Choice } from "../../ui/choice";
import { Action } from "../../ui/dialog";
import { Panel } from "../../ui/panel";
import { Empty } from "../../ui/state";
import { Time } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { ComponentChoices, nameComponents, readComponents, useComponents } from "./components";

type Published = NonNullable<Publication["published"]>;

const STATES: Published["status"][] = ["investigating", "identified", "monitoring", "resolved"];
const IMPACTS: Published["impact"][] = ["none", "minor", "major", "critical"];

/** Nothing while the status page is off and shows nothing of the incident. */
export function PublicationPanel({ id }: { id: string }) {
  const path = `/api/incidents/${encodeURIComponent(id)}/publication`;
  const { data } = useLive<Publication>(path);
  if (!data || !(data.is_page_on || data.published)) return null;
  return <Shown publication={data} path={path} />;
}

function Shown({ publication, path }: { publication: Publication; path: string }) {
  const mayAct = useMayAct();
  const known = useComponents();
  const { published, is_page_on } = publication;
  return (
    <Panel title="Public status page" aside={<a href={linkTo("subscribers")}>Subscribers</a>}>
      {!is_page_on && <p class="problem">The page is off: nobody sees what is published.</p>}
      {published ? (
        <>
          <p>
            <Badge word={published.status === "resolved" ? "resolved" : "firing"}>{published.status}</Badge>{" "}
            <b>{published.title}</b>
          </p>
          <p class="quiet">
            Impact {published.impact}
            {published.components.length > 0 && `; ${nameComponents(published.components, known)}`}
          </p>
          <ul class="following">
            {published.updates.map((update) => (
              <li key={update.id}>
                <Time at={update.at} /> <b>{update.status}</b>
                <p>{update.body}</p>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <Empty>Nothing is published about this incident.</Empty>
      )}
      {mayAct && is_page_on && (
        <div class="buttons">
          <Action
            label={published ? "Publish an update" : "Publish"}
            title={published ? `Update: ${published.title}` : "Publish on the status page"}
            confirm="Publish"
            needsReason={false}
            fields={<Fields publication={publication} />}
            act={(_reason, form) => request(path, "POST", readPublication(form))}
          />
        </div>
      )}
    </Panel>
  );
}

/** The first publication starts with the draft; an update starts with what stands on the page, and with no words. */
function Fields({ publication: { draft, published } }: { publication: Publication }) {
  const before = published ?? { ...draft, status: "investigating" };
  return (
    <>
      <p class="quiet">Everybody can read it. It appears on the page within a minute.</p>
      <label>
        Title
        <input name="title" required maxLength={200} defaultValue={before.title} />
      </label>
      <div class="filters">
        <Choice label="Status" name="status" choices={STATES} chosen={before.status} />
        <Choice label="Impact" name="impact" choices={IMPACTS} chosen={before.impact} />
      </div>
      <label>
        What you tell your customers
        <textarea name="body" required maxLength={5000} rows={4} defaultValue={published ? "" : draft.body} autofocus />
      </label>
      <ComponentChoices known={useComponents()} chosen={before.components} legend="Components" />
    </>
  );
}

function readPublication(form: FormData) {
  const read = (name: string) => String(form.get(name) ?? "").trim();
  return {
    title: read("title"),
    status: read("status"),
    impact: read("impact"),
    body: read("body"),
    components: readComponents(form),
  };
}

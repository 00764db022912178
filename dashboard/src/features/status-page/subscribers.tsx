/** Who is notified of what is published on the status page, how their deliveries do, and new subscribers. */

import { useState } from "preact/hooks";
import { request } from "../../lib/api/client";
import type { MadeSubscriber, Subscriber, SubscriberPage } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { DeliveryState } from "../../ui/delivery-state";
import { Action } from "../../ui/dialog";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Time } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { type Component, ComponentChoices, nameComponents, readComponents, useComponents } from "./components";

const PATH = "/api/status-page/subscribers";
const WORDS: Record<Subscriber["state"], string> = {
  ok: "ok",
  failing: "failing",
  held: "pending",
  unused: "info",
  switched_off: "failed",
};

export function Subscribers() {
  const mayAct = useMayAct();
  return (
    <Panel
      title="Subscribers of the status page"
      kind="wide"
      aside={<a href={linkTo("runbooks/status-page")}>How the status page works</a>}
    >
      {mayAct ? <List /> : <Empty>Only an admin sees the subscribers, as their addresses are private.</Empty>}
    </Panel>
  );
}

function List() {
  const live = useLive<SubscriberPage>(PATH);
  const known = useComponents();
  const [made, setMade] = useState<MadeSubscriber | null>(null);
  const add = async (_reason: string, form: FormData) => {
    const components = readComponents(form);
    const url = String(form.get("url") ?? "").trim();
    setMade(await request<MadeSubscriber>(PATH, "POST", components.length ? { url, components } : { url }));
  };
  return (
    <>
      {made && <Secret made={made} close={() => setMade(null)} />}
      <When live={live}>
        {({ items }) => (
          <>
            {items.length === 0 && <Empty>Nobody is notified.</Empty>}
            <ul class="rules">
              {items.map((each) => (
                <Row key={each.id} subscriber={each} known={known} />
              ))}
            </ul>
          </>
        )}
      </When>
      <div class="buttons">
        <Action
          label="Add a subscriber"
          title="Notify an address of what is published"
          confirm="Add"
          needsReason={false}
          fields={<Fields known={known} />}
          act={add}
        />
      </div>
    </>
  );
}

function Fields({ known }: { known: Component[] }) {
  return (
    <>
      <label>
        Address of the webhook
        <input name="url" type="url" required pattern="https?://.+" maxLength={1000} placeholder="https://" autofocus />
      </label>
      <ComponentChoices known={known} chosen={[]} legend="Only of these components (none: of all)" />
    </>
  );
}

/** No other response has it. */
function Secret({ made, close }: { made: MadeSubscriber; close: () => void }) {
  return (
    <div class="panel edge warning" role="status">
      <p>
        The secret that verifies what {made.url} receives. It is shown only now: <code>{made.secret}</code>
      </p>
      <div class="buttons">
        <button type="button" onClick={() => void navigator.clipboard.writeText(made.secret)}>
          Copy
        </button>
        <button type="button" onClick={close}>
          I have it
        </button>
      </div>
    </div>
  );
}

function Row({ subscriber, known }: { subscriber: Subscriber; known: Component[] }) {
  const { id, url, components, state, waiting } = subscriber;
  return (
    <li class="rule">
      <Badge word={WORDS[state]}>{toWords(state)}</Badge>
      <div class="alert-text">
        <b>{url}</b>
        <p class="quiet">
          {components.length === 0 ? "All components" : nameComponents(components, known)}; added by{" "}
          <bdi>{subscriber.created_by}</bdi> <Time at={subscriber.created_at} />.{" "}
          <DeliveryState of={subscriber} none="Nothing was sent yet. " waiting={waiting} />
        </p>
        {state === "switched_off" && (
          <p class="problem">Nothing was delivered for 7 days, so it is switched off: remove it, and add it again.</p>
        )}
      </div>
      <div class="buttons">
        <Action
          label="Remove"
          title={`Remove ${url}`}
          needsReason={false}
          act={() => request(`${PATH}/${encodeURIComponent(id)}`, "DELETE")}
        />
      </div>
    </li>
  );
}

/** What clients send and lose: per project, SDK and category, since the start of an hour. */

import type { IngestCount, IngestPage } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Time } from "../../ui/time";

export function Ingest() {
  const live = useLive<IngestPage>("/api/ingest?limit=200");
  return (
    <Panel title="Ingest" kind="wide">
      <When live={live}>
        {(page) => (
          <>
            <p class="quiet">
              Since <Time at={page.since} />. Discarded: what clients themselves report as not sent.
            </p>
            {page.items.length === 0 ? <Empty>Nothing was sent.</Empty> : <Counts items={page.items} />}
            {page.next_cursor !== null && <p class="quiet">The first 200 rows.</p>}
            <Refused counts={page.refused_requests} />
          </>
        )}
      </When>
    </Panel>
  );
}

function Counts({ items }: { items: IngestCount[] }) {
  return (
    <table class="stacking">
      <thead>
        <tr>
          <th scope="col">What</th>
          {["Project", "SDK", "Accepted", "Cut", "Refused", "Discarded"].map((name) => (
            <th scope="col" key={name} class="right">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={`${item.project} ${item.sdk} ${item.category}`}>
            <th scope="row">{toWords(item.category)}</th>
            <td data-name="project">{item.project}</td>
            <td data-name="sdk">{item.sdk}</td>
            <td data-name="accepted">{formatNumber(item.accepted)}</td>
            <td data-name="cut">{formatNumber(item.cut)}</td>
            <td data-name="refused">{describe(item.refused)}</td>
            <td data-name="discarded">{describe(item.client_discarded)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Refused({ counts }: { counts: Record<string, number> }) {
  if (Object.values(counts).every((count) => count === 0)) return null;
  return <p>Requests without a valid key, or above a limit: {describe(counts)}.</p>;
}

/** The counts by their reasons: "3 queue overflow, 1 sample rate". */
function describe(counts: Record<string, number>): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${formatNumber(count)} ${toWords(reason)}`);
  return parts.join(", ") || "0";
}

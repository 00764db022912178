/** What clients send and lose: per project, SDK and category, since the start of an hour. */

import type { IngestCount, IngestPage } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Table } from "../../ui/table";
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
    <Table
      items={items}
      getKey={({ project, sdk, category }) => `${project} ${sdk} ${category}`}
      columns={[
        ["What", ({ category }) => toWords(category)],
        ["Project", ({ project }) => project],
        ["SDK", ({ sdk }) => sdk],
        ["Accepted", ({ accepted }) => formatNumber(accepted)],
        ["Cut", ({ cut }) => formatNumber(cut)],
        ["Refused", ({ refused }) => describe(refused)],
        ["Discarded", ({ client_discarded }) => describe(client_discarded)],
      ]}
    />
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

/** The items behind a count of a stage, and the statement that puts them back. */

import type { StageItem, StageItemPage } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { linkTo, useRoute } from "../../lib/route";
import { Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age } from "../../ui/time";

export function StageItems({ stage }: { stage: string }) {
  const state = useRoute().params.get("state") ?? "pending";
  const live = useLive<StageItemPage>(
    `/api/pipeline/${encodeURIComponent(stage)}/items?state=${encodeURIComponent(state)}&limit=200`,
  );
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("")}>← Overview</a>
      </p>
      <Panel title={`${stage}: ${toWords(state)}`}>
        <When live={live}>
          {(page) => (
            <>
              {page.count !== null && <p class="quiet">{formatNumber(page.count)} in all</p>}
              {page.items?.length === 0 && <Empty>None.</Empty>}
              <ul class="following">
                {(page.items ?? []).map((item) => (
                  <Item key={item.row ?? item.id} item={item} isPast={state.endsWith("_last_hour")} />
                ))}
              </ul>
              {page.next_cursor !== null && <p class="quiet">The first 200.</p>}
              <Reasons unknown={page.unknown} under={["items", "count"]} />
            </>
          )}
        </When>
      </Panel>
      {live.data?.remedy && (
        <Panel title="Remedy">
          <p class="quiet">Callwatch only reads the product. This statement puts these items back:</p>
          <pre>{live.data.remedy.statement}</pre>
        </Panel>
      )}
    </div>
  );
}

/** One item. isPast: it is not in its state since then, but came to it then. */
function Item({ item, isPast }: { item: StageItem; isPast: boolean }) {
  const name = item.id ?? item.row ?? "without an id";
  return (
    <li>
      {item.id ? <a href={linkTo(`calls/${encodeURIComponent(item.id)}`)}>{name}</a> : name}{" "}
      {item.at && (
        <span class="quiet">
          {isPast ? (
            <>
              <Age since={item.at} /> ago
            </>
          ) : (
            <>
              for <Age since={item.at} />
            </>
          )}
        </span>
      )}
    </li>
  );
}

/** What a rule measured over the range of the page: for each condition its worst value, next to its threshold. */

import { useState } from "preact/hooks";
import { Chart } from "../../charts/chart";
import type { History, Rule, Series } from "../../lib/api/types";
import { formatInUnit } from "../../lib/format/numbers";
import { useSlow } from "../../lib/polling/use-live";
import { useRange } from "../../lib/route";
import { When } from "../../ui/state";

/** It is read when it is opened. */
export function ValueHistory({ rule }: { rule: Rule }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        History <span class="hidden">of {rule.name}</span>
      </summary>
      {isOpen && <Values id={rule.id} />}
    </details>
  );
}

function Values({ id }: { id: string }) {
  const range = useRange();
  const live = useSlow<History>(`/api/metrics/history?metric=rule&rule=${encodeURIComponent(id)}&range=${range}`);
  return (
    <When live={live}>
      {({ series, unknown, from, to }) =>
        series === null ? (
          <p class="problem">? unknown: {unknown.series?.message}</p>
        ) : (
          series.map((one, place) => (
            <Chart
              // A rule may have two conditions on one metric.
              key={place}
              title="Worst value"
              series={[one]}
              limits={[readLimit(one)]}
              span={{ from: Date.parse(from) / 1000, to: Date.parse(to) / 1000 }}
            />
          ))
        )
      }
    </When>
  );
}

function readLimit({ labels, unit }: Series) {
  const value = Number(labels.threshold);
  return { value, name: `threshold ${labels.comparison} ${formatInUnit(value, unit)}` };
}

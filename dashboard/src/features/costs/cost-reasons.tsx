/** Why figures of costs are unknown, by the names of services, models and agencies. */

import type { Costs } from "../../lib/api/types";
import { Reasons } from "../../ui/figure";

export function CostReasons({ costs }: { costs: Costs }) {
  const name = (place: string, parent: string): string => {
    const index = Number(place);
    if (parent === "by_model") return costs.by_model?.[index]?.model ?? place;
    const agency = parent === "by_agency" ? costs.by_agency?.[index] : undefined;
    return agency ? (agency.name ?? agency.agency ?? "calls of no agency") : place;
  };
  return (
    <Reasons
      unknown={costs.unknown}
      under={["per_call", "by_service", "by_model", "by_agency"]}
      named={([first = "", ...others], parent) => [name(first, parent), ...others]}
    />
  );
}

/** What is wrong now: the open incidents, and what to do about them. */

import type { ComponentChild, ComponentType } from "preact";
import type { Incident } from "../../lib/api/types";
import { sortIncidents } from "../../lib/incidents";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { IncidentCard } from "./card";

/** The worst stand as cards, the next ones as lines, so that the pipeline below is seen without scrolling on 900 px. */
const CARDS = 3;
const AT_ONCE = 6;

interface OpenIncidentsProps {
  /** The worst of the open incidents. */
  incidents: Incident[];
  /** How many are open in all. */
  count: number;
  /** How many stand there at most; a link leads to the others. */
  most?: number;
  /** What a card shows besides, which may load later. */
  More?: ComponentType<{ incident: Incident }>;
  /** What else stands in the head. */
  notice?: ComponentChild;
}

export function OpenIncidents({ incidents, count, most = AT_ONCE, More, notice }: OpenIncidentsProps) {
  const sorted = sortIncidents(incidents);
  const serious = sorted.filter(({ level }) => level !== "info");
  const infos = sorted.filter(({ level }) => level === "info");
  const isMore = serious.length > most || count > incidents.length;
  return (
    <Panel
      title="What is wrong now"
      kind="wide"
      aside={
        <>
          {notice}
          <AllIncidents isMore={isMore} count={count} />
        </>
      }
    >
      <Cards serious={serious.slice(0, most)} infos={infos} More={More} />
    </Panel>
  );
}

/** A link to the others, which says how many are open if not all of them stand here. */
function AllIncidents({ isMore, count }: { isMore: boolean; count: number }) {
  if (!isMore) return <a href={linkTo("incidents")}>All incidents</a>;
  return (
    <a class="more" href={linkTo("incidents", { state: "open" })}>
      All {count} open incidents
    </a>
  );
}

interface CardsProps {
  serious: Incident[];
  infos: Incident[];
  More: OpenIncidentsProps["More"];
}

function Cards({ serious, infos, More }: CardsProps) {
  if (serious.length + infos.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>No incident is open.
      </p>
    );
  }
  return (
    <>
      <ul class="alerts">
        {serious.map((incident, place) => (
          <IncidentCard key={incident.id} incident={incident} isBrief={place >= CARDS}>
            {More && place < CARDS && <More incident={incident} />}
          </IncidentCard>
        ))}
      </ul>
      {infos.length > 0 && (
        <details class="others">
          <summary>
            {infos.length} for information: {infos[0]?.title}
            {infos.length > 1 && `, and ${infos.length - 1} more`}
          </summary>
          <ul class="alerts">
            {infos.map((incident) => (
              <IncidentCard key={incident.id} incident={incident} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Every view but the overview: one script, which loads when the first of them is shown. */

import type { Route } from "../../lib/route";
import { AlertView } from "../alerts/alert";
import { Alerts } from "../alerts/alerts";
import { Calls, CallView } from "../calls/call";
import { StageItems } from "../calls/stage-items";
import { Channels } from "../channels/channels";
import { Connect } from "../connect/connect";
import { Costs } from "../costs/costs";
import { Crons } from "../crons/crons";
import { Group } from "../errors/group";
import { Errors } from "../errors/groups";
import { Explore } from "../explore/explore";
import { IncidentView } from "../incidents/incident";
import { Incidents } from "../incidents/incidents";
import { Ingest } from "../ingest/ingest";
import { NotificationSwitch } from "../notifications/switch";
import { Raw } from "../raw/raw";
import { Reports } from "../reports/reports";
import { Routes } from "../routes/routes";
import { Rules } from "../rules/rules";
import { Runbook, Runbooks } from "../runbooks/runbooks";
import { Silences } from "../silences/silences";
import { PublicationPanel } from "../status-page/publication";
import { Subscribers } from "../status-page/subscribers";
import { Uptime } from "../uptime/uptime";

export function MoreViews({ route }: { route: Route }) {
  const { view, id } = route;
  if (view === "errors") return id === null ? <Errors /> : <Group key={id} id={id} />;
  if (view === "incidents" && id !== null)
    return (
      <IncidentView key={id} id={id}>
        <PublicationPanel id={id} />
      </IncidentView>
    );
  if (view === "incidents") return <Incidents />;
  if (view === "alerts") return id === null ? <Alerts /> : <AlertView key={id} id={id} />;
  if (view === "runbooks") return id === null ? <Runbooks /> : <Runbook key={id} id={id} />;
  if (view === "raw" && id !== null) return <Raw key={id} id={id} />;
  if (view === "rules") return <Rules />;
  if (view === "routes") return <Routes />;
  if (view === "subscribers") return <Subscribers />;
  if (view === "calls") return id === null ? <Calls /> : <CallView key={id} id={id} />;
  if (view === "stages" && id !== null) return <StageItems key={id} stage={id} />;
  if (view === "costs") return <Costs />;
  if (view === "explore") return <Explore />;
  if (view === "reports") return <Reports />;
  if (view === "ingest")
    return (
      <div class="stack">
        <Ingest />
        <Connect />
      </div>
    );
  if (view === "channels")
    return (
      <div class="stack">
        <Channels />
        <NotificationSwitch />
      </div>
    );
  if (view === "crons") return <Crons />;
  if (view === "silences") return <Silences />;
  return <Uptime />;
}

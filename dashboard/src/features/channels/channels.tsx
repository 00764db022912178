/** The channels: whether a notification would arrive, and a test of each. */

import { request } from "../../lib/api/client";
import type { ChannelItem, ChannelPage } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { DeliveryState } from "../../ui/delivery-state";
import { Action } from "../../ui/dialog";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { useMayAct } from "../../ui/use-may-act";

const WORDS: Record<ChannelItem["state"], string> = {
  ok: "ok",
  failing: "failing",
  held: "pending",
  unused: "info",
  not_configured: "unknown",
  invalid: "failed",
};

export function Channels() {
  const live = useLive<ChannelPage>("/api/channels?limit=200");
  return (
    <Panel
      title="Channels"
      kind="wide"
      aside={
        <span class="buttons">
          <a href={linkTo("routes")}>Routes</a> <a href={linkTo("subscribers")}>Subscribers</a>
        </span>
      }
    >
      <When live={live}>
        {({ items }) => (
          <ul class="rules">
            {[...items]
              .sort((a, b) => Number(b.is_configured) - Number(a.is_configured))
              .map((channel) => (
                <Row key={channel.name} channel={channel} />
              ))}
          </ul>
        )}
      </When>
    </Panel>
  );
}

function Row({ channel }: { channel: ChannelItem }) {
  const mayAct = useMayAct();
  const test = () => request(`/api/channels/${encodeURIComponent(channel.name)}/test`, "POST", {});
  return (
    <li class="rule">
      <Badge word={WORDS[channel.state]}>{toWords(channel.state)}</Badge>
      <div class="alert-text">
        <b>{channel.name}</b> {channel.kind !== channel.name && <span class="quiet">{channel.kind}</span>}
        {channel.problem && <p class="problem">{channel.problem}</p>}
        <p class="quiet">
          {!channel.is_configured && channel.needs.length > 0 && <>To use it, set {channel.needs.join(", ")}. </>}
          <DeliveryState of={channel} none={channel.is_configured ? "Nothing was sent yet. " : ""} />
        </p>
      </div>
      {mayAct && channel.is_configured && (
        <div class="buttons">
          <Action label="Test" title={`Send a test to ${channel.name}`} confirm="Send" needsReason={false} act={test} />
        </div>
      )}
    </li>
  );
}

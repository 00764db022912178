/** The frame around the views: navigation, controls, the state, and the same state for screen readers. */

import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import type { Overview } from "../../lib/api/types";
import { areNotificationsOn } from "../../lib/notifications";
import { useOverview } from "../../lib/overview";
import { forgetData } from "../../lib/polling/store";
import { type Live, usePolling } from "../../lib/polling/use-live";
import { useRoute } from "../../lib/route";
import { useNow } from "../../lib/time/use-now";
import { Dialogs } from "../../ui/dialog";
import { lazy } from "../../ui/lazy";
import { Banner } from "./banner";
import { Controls } from "./controls";
import { loadLater } from "./load-later";
import { Navigation } from "./navigation";
import { announceState, judgeState } from "./overall-state";
import { Strip } from "./strip";
import { nameView, View } from "./views";

const Notifier = lazy<{ overview: Overview | undefined }>(() => loadLater().then(({ Notifier }) => Notifier), null);
const Wall = lazy(() => loadLater().then(({ Wall }) => Wall));

export function Frame() {
  const route = useRoute();
  const live = useOverview();
  const main = useRef<HTMLElement>(null);
  const isWall = new URLSearchParams(location.search).has("wall");
  const name = nameView(route.view);
  const skip = (event: MouseEvent) => {
    event.preventDefault();
    main.current?.focus();
  };
  useFocusOnNewView(main, `${route.view}/${route.id}`);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: the address belongs to the views, so that the link moves the focus itself */}
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <div class="top">
        {!isWall && (
          <header class="bar">
            <h1>Callwatch</h1>
            <Navigation route={route} overview={live.data} />
            <Controls route={route} />
          </header>
        )}
        <Guarded key="strip">
          <Strip live={live} view={name} />
        </Guarded>
        <Banner />
      </div>
      <main ref={main} id="main" tabIndex={-1} aria-label={name}>
        <Guarded key={`${route.view}/${route.id}`}>{isWall ? <Wall /> : <View route={route} />}</Guarded>
      </main>
      <Dialogs />
      <Announcer live={live} />
      {areNotificationsOn() && <Notifier overview={live.data} />}
    </>
  );
}

/** The state in words, for screen readers; it ages as the strip does. */
function Announcer({ live }: { live: Live<Overview> }) {
  const now = useNow(1_000);
  return (
    <p class="hidden" role="status">
      {live.data && `State: ${announceState(live.data, judgeState(live.data, live, now))}`}
    </p>
  );
}

/** A new view takes the focus and starts at its top; a refresh changes neither. */
function useFocusOnNewView(main: { current: HTMLElement | null }, view: string): void {
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    window.scrollTo(0, 0);
    // A view that begins with a field has put the focus there.
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [view]);
}

/** A view that fails shows the error instead of old figures; each polling round tries again. */
function Guarded({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary(() => forgetData());
  const { rounds } = usePolling();
  useEffect(() => reset(), [rounds]);
  if (!error) return <>{children}</>;
  return (
    <p class="problem panel" role="alert">
      <span aria-hidden="true">? </span>unknown: this page cannot read the API's response ({String(error.message ?? error)}). It
      retries automatically.
    </p>
  );
}

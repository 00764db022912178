/** The frame around the views: sign-in, navigation, the data's age, the banner. */

import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";
import { keepToken, token } from "./api";
import type { Status } from "./api-types";
import { reasonsOf } from "./overview/headline";
import { Overview } from "./overview/overview";
import { forgetAll, refresh, setPaused, startPolling, stopPolling, useLive, usePolling } from "./poll";
import { RANGE_WORDS, RANGES, type Route, rangeOf, setParams, to, useRoute } from "./route";
import { nextTheme, theme, useColours } from "./theme";
import { elapsed, localTime, utcTime } from "./format";
import { useNow } from "./ui/clock";
import { Dialogs } from "./ui/dialog";
import { AlertView } from "./views/alert";
import { Alerts } from "./views/alerts";
import { Errors } from "./views/errors";
import { Group } from "./views/group";
import { Raw } from "./views/raw";
import { Rules } from "./views/rules";
import { Runbook, Runbooks } from "./views/runbooks";
import { Silences } from "./views/silences";
import { Uptime } from "./views/uptime";

const VIEWS = ["", "errors", "alerts", "rules", "silences", "uptime", "runbooks"];
const nameOf = (view: string) => (view ? view[0]?.toUpperCase() + view.slice(1) : "Overview");

export function App() {
  const [isIn, setIn] = useState(token() !== null);
  const [message, setMessage] = useState("");
  const signOut = (why: string) => {
    keepToken(null);
    stopPolling();
    setMessage(why);
    setIn(false);
  };
  useEffect(() => {
    if (isIn) startPolling(() => signOut("This token is not valid, or no longer."));
  }, [isIn]);
  if (isIn) return <Frame signOut={() => signOut("")} />;
  const signIn = (given: string) => {
    keepToken(given);
    setIn(true);
  };
  return <SignIn message={message} signIn={signIn} />;
}

function SignIn({ message, signIn }: { message: string; signIn: (token: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const given = field.current?.value.trim();
    if (given) signIn(given);
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={send}>
        <h1>Callwatch</h1>
        {message && (
          <p class="problem" role="alert">
            {message}
          </p>
        )}
        <label for="token">Token</label>
        <input id="token" type="password" ref={field} autocomplete="off" required aria-describedby="hint" />
        <p id="hint" class="quiet">
          A viewer's or an admin's. It is kept in this tab alone, and forgotten with it.
        </p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}

function Frame({ signOut }: { signOut: () => void }) {
  const route = useRoute();
  const { data: status, error } = useLive<Status>("/api/status");
  const main = useRef<HTMLElement>(null);
  const name = nameOf(route.view);
  const isToldByOverview = route.view === "" && status !== undefined;
  useEffect(() => {
    if (!isToldByOverview) document.title = `${name} · Callwatch`;
  }, [name, isToldByOverview]);
  useFocusOnNewView(main, `${route.view}/${route.id}`);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        To the content
      </a>
      <header class="bar">
        <h1>Callwatch</h1>
        <nav aria-label="Views">
          {VIEWS.map((view) => (
            <a key={view} href={to(view)} aria-current={view === route.view ? "page" : undefined}>
              {nameOf(view)}
            </a>
          ))}
        </nav>
        <Controls route={route} signOut={signOut} />
      </header>
      <Banner />
      <main ref={main} id="main" tabIndex={-1} aria-label={name}>
        <Guarded key={`${route.view}/${route.id}`}>
          <View route={route} />
        </Guarded>
      </main>
      <Dialogs />
      <p class="hidden" role="status">
        {status && `State: ${error ? "not known now" : spoken(status)}`}
      </p>
    </>
  );
}

/** The state in words for those who hear the page. */
function spoken({ status, issues, unknown }: Status): string {
  const isBlind = status === "operational" && reasonsOf({ unknown }).length > 0;
  return `${isBlind ? "partly unknown" : status}, ${issues.length} ${issues.length === 1 ? "alert fires" : "alerts fire"}`;
}

/** A new view takes the focus, and begins at its top; a refresh moves neither. */
function useFocusOnNewView(main: { current: HTMLElement | null }, view: string): void {
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [view]);
}

/** A view that breaks says so, instead of standing still as if its figures were current; each round tries anew. */
function Guarded({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary(() => forgetAll());
  const { rounds } = usePolling();
  useEffect(() => reset(), [rounds]);
  if (!error) return <>{children}</>;
  return (
    <p class="problem panel" role="alert">
      <span aria-hidden="true">? </span>unknown: this page cannot read the API's answer ({String(error.message ?? error)}). It is asked
      again by itself.
    </p>
  );
}

function View({ route }: { route: Route }) {
  const { view, id } = route;
  if (view === "errors") return id === null ? <Errors /> : <Group key={id} id={id} />;
  if (view === "alerts") return id === null ? <Alerts /> : <AlertView key={id} id={id} />;
  if (view === "runbooks") return id === null ? <Runbooks /> : <Runbook key={id} id={id} />;
  if (view === "raw" && id !== null) return <Raw key={id} id={id} />;
  if (view === "rules") return <Rules />;
  if (view === "silences") return <Silences />;
  if (view === "uptime") return <Uptime />;
  return <Overview />;
}

function Controls({ route, signOut }: { route: Route; signOut: () => void }) {
  const { isPaused } = usePolling();
  useColours();
  return (
    <div class="controls">
      <DataAge />
      <label class="range">
        <span class="hidden">Time range of the charts</span>
        <select value={rangeOf(route)} onChange={(event) => setParams({ range: event.currentTarget.value })}>
          {RANGES.map((range) => (
            <option key={range} value={range}>
              {RANGE_WORDS[range]}
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-label="Refresh" onClick={() => void refresh()}>
        <span aria-hidden="true">↻</span> <span class="long-word">Refresh</span>
      </button>
      <button type="button" aria-label="Pause" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
        <span aria-hidden="true">{isPaused ? "▶" : "❚❚"}</span> <span class="long-word">{isPaused ? "Resume" : "Pause"}</span>
      </button>
      <button type="button" onClick={nextTheme} aria-label={`Colours: ${theme()}`}>
        <span aria-hidden="true">{{ dark: "☾", light: "☀", auto: "◐" }[theme()]} </span>
        <span class="long-word" aria-hidden="true">
          {theme()}
        </span>
      </button>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function DataAge() {
  const { at, isPaused } = usePolling();
  const now = useNow(1000);
  if (!at) return <span class="age" />;
  return (
    <span class="age" title={`${localTime(at)} (${utcTime(at)})`}>
      {isPaused && "paused, "}
      {elapsed(at, now)} old
    </span>
  );
}

/** Old data are never shown as if they were fresh. */
function Banner() {
  const { stale } = usePolling();
  return (
    <div class={stale ? "banner" : "banner none"} role="alert">
      {stale && (
        <p>
          <b>
            <span aria-hidden="true">▲ </span>
            {stale.since === null ? "Partly unknown:" : `Stale since ${localTime(stale.since)}`}
          </b>{" "}
          {stale.reasons.join("; ")}. {stale.since !== null ? "The last good data stay; it is" : "It is"} asked again by itself.
        </p>
      )}
    </div>
  );
}

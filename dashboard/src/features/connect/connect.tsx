/** The first start: a DSN with a snippet for each SDK, a test error, and what is set up so far. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ChannelPage, ErrorGroupPage, IngestPage } from "../../lib/api/types";
import { useOverview } from "../../lib/overview";
import { type Live, useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { buildDsn, SNIPPETS } from "./snippets";

export function Connect() {
  const [key, setKey] = useState("");
  const [project, setProject] = useState("1");
  const [language, choose] = useState("Python");
  const dsn = buildDsn(location.origin, key, project);
  const snippet = SNIPPETS[language]?.(dsn) ?? "";
  return (
    <Panel title="Connect a client">
      <SetUp />
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Ingest key
          <input
            value={key}
            placeholder="INGEST_KEY"
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setKey(currentTarget.value.trim())}
          />
        </label>
        <label>
          Project
          <input value={project} inputMode="numeric" onInput={({ currentTarget }) => setProject(currentTarget.value.trim())} />
        </label>
        <label>
          SDK
          <select value={language} onChange={({ currentTarget }) => choose(currentTarget.value)}>
            {Object.keys(SNIPPETS).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </form>
      <p class="quiet">
        The key is a secret of the deployment, locally <code>.local/run.json</code> has it. The page keeps it only until you
        leave.
      </p>
      <Copied name="DSN" text={dsn} />
      <Copied name={`Snippet for ${language}`} text={snippet} />
      <SendTest keyGiven={key} />
    </Panel>
  );
}

function Copied({ name, text }: { name: string; text: string }) {
  return (
    <section class="copied" aria-label={name}>
      <pre tabIndex={0}>{text}</pre>
      <button type="button" aria-label={`Copy: ${name}`} onClick={() => void navigator.clipboard?.writeText(text)}>
        Copy
      </button>
    </section>
  );
}

/** Sends an error as a client does: with the key alone, without the session of the page. */
async function sendError(key: string): Promise<string> {
  const error = { type: "TestError", message: "A test error from the page", severity: "low", category: "api" };
  const answer = await fetch("/api/errors", {
    method: "POST",
    credentials: "omit",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify([error]),
  });
  return answer.ok ? "Accepted. It is shown within a minute." : `Refused with status ${answer.status}: is the key right?`;
}

function SendTest({ keyGiven }: { keyGiven: string }) {
  const [result, setResult] = useState("");
  const send = async () => {
    setResult("Sending …");
    setResult(await sendError(keyGiven).catch(() => "The API does not respond."));
  };
  return (
    <p class="buttons">
      <button type="button" class="primary" disabled={!keyGiven} onClick={() => void send()}>
        Send a test error
      </button>
      <span role="status">{keyGiven ? result : "Give the ingest key first."}</span>
    </p>
  );
}

/** What is set up, as far as the page has seen it; each box ticks itself. */
function SetUp() {
  const ingest = useLive<IngestPage>("/api/ingest?limit=200");
  const errors = useLive<ErrorGroupPage>("/api/errors?limit=1");
  const channels = useLive<ChannelPage>("/api/channels?limit=200");
  const calls = useOverview().data?.pipeline?.freshness.last_call_at;
  return (
    <ul class="checks">
      <Box isDone={judge(ingest, ({ items }) => items.some(({ accepted }) => accepted > 0))}>A client's event was accepted</Box>
      <Box isDone={judge(errors, ({ items }) => items.length > 0)}>
        An error is <a href={linkTo("errors")}>shown</a>
      </Box>
      <Box isDone={calls === undefined ? null : calls !== null}>Calls of the product are seen</Box>
      <Box isDone={judge(channels, ({ items }) => items.some(({ kind, is_configured }) => is_configured && kind !== "log"))}>
        A <a href={linkTo("channels")}>channel</a> notifies somebody
      </Box>
    </ul>
  );
}

/** Null while it is not known. */
function judge<T>({ data }: Live<T>, isDone: (data: T) => boolean): boolean | null {
  return data === undefined ? null : isDone(data);
}

function Box({ isDone, children }: { isDone: boolean | null; children: ComponentChildren }) {
  return (
    <li>
      <p>
        <label class="mark">
          <input type="checkbox" checked={isDone === true} disabled /> <span>{children}</span>
          {isDone === null && <span class="unknown"> unknown</span>}
        </label>
      </p>
    </li>
  );
}

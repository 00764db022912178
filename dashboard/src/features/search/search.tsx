/** The search box: a combobox in a dialog, with what was found by kind. */

import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Found, type Hit, LEAST_CHARACTERS, MOST_CHARACTERS, startSearch } from "./sources";

// A pause in typing; people who type faster send one request a kind.
const PAUSE_MS = 250;

interface Results {
  text: string;
  found: Found[];
}

export function SearchBox({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const results = useResults(text);
  const hits = results?.found.flatMap(({ hits }) => hits) ?? [];
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => setActive(0), [results]);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [active]);
  const open = (hit: Hit) => {
    dialog.current?.close();
    location.hash = hit.link;
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setActive((active + step + hits.length) % Math.max(1, hits.length));
    else if (event.key === "Enter" && hits[active]) open(hits[active]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="search" aria-label="Search" onClose={close}>
      <input
        type="text"
        role="combobox"
        aria-label="Search for a call, error, alert, incident, rule, route or runbook"
        aria-autocomplete="list"
        aria-expanded={hits.length > 0}
        aria-controls="found"
        aria-activedescendant={hits.length > 0 ? `hit-${active}` : undefined}
        placeholder="Call id, error, event id, alert, rule, route, runbook"
        autocomplete="off"
        spellcheck={false}
        maxLength={MOST_CHARACTERS}
        autofocus
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={press}
      />
      <p class="quiet" role="status">
        {describe(text, results, hits.length)}
      </p>
      <Problems found={results?.found ?? []} />
      <Options list={list} found={results?.found ?? []} active={active} open={open} />
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}

/** What the text finds, after a pause in typing; null while that is not known. A late response to an earlier text is dropped. */
function useResults(given: string): Results | null {
  const text = given.trim();
  const [results, setResults] = useState<Results | null>(null);
  const search = useMemo(startSearch, []);
  useEffect(() => {
    if (text.length < LEAST_CHARACTERS) return;
    let isWanted = true;
    const timer = setTimeout(() => {
      void search(text).then((found) => isWanted && setResults({ text, found }));
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  return results?.text === text ? results : null;
}

function describe(text: string, results: Results | null, count: number): string {
  if (text.trim().length < LEAST_CHARACTERS) return `Type at least ${LEAST_CHARACTERS} characters.`;
  if (!results) return "Searching …";
  if (count > 0) return `${count} found. Arrow keys choose, Enter opens.`;
  return results.found.some(({ problem }) => problem) ? "Nothing found in what could be searched." : "Nothing found.";
}

/** The kinds that could not be searched: nothing found there means nothing. */
function Problems({ found }: { found: Found[] }) {
  return (
    <>
      {found.map(
        ({ kind, problem }) =>
          problem && (
            <p key={kind} class="problem">
              <span aria-hidden="true">? </span>
              {kind} unknown: {problem}
            </p>
          ),
      )}
    </>
  );
}

interface OptionsProps {
  list: RefObject<HTMLDivElement | null>;
  found: Found[];
  active: number;
  open: (hit: Hit) => void;
}

function Options({ list, found, active, open }: OptionsProps) {
  let place = -1;
  return (
    <div id="found" role="listbox" aria-label="Found" ref={list}>
      {found
        .filter(({ hits }) => hits.length > 0)
        .map(({ kind, hits, hasMore }) => (
          <div key={kind} role="group" aria-labelledby={`kind-${kind}`}>
            <p id={`kind-${kind}`} role="presentation">
              {kind}
              {hasMore && ", the first"}
            </p>
            {hits.map((hit) => {
              place += 1;
              return <Option key={hit.link + hit.name} id={`hit-${place}`} hit={hit} isActive={place === active} open={open} />;
            })}
          </div>
        ))}
    </div>
  );
}

interface OptionProps {
  id: string;
  hit: Hit;
  isActive: boolean;
  open: (hit: Hit) => void;
}

function Option({ id, hit, isActive, open }: OptionProps) {
  return (
    // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the field keeps the focus and names the chosen option
    <div id={id} role="option" aria-selected={isActive} onClick={() => open(hit)}>
      <bdi>{hit.name}</bdi> <span class="quiet">{hit.about}</span>
    </div>
  );
}

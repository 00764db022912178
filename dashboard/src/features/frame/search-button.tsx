/** Opens the search by a button or by the key "/"; its code loads when it is first opened. */

import { useEffect, useState } from "preact/hooks";
import { lazy } from "../../ui/lazy";
import { loadLater } from "./load-later";

const SearchBox = lazy<{ close: () => void }>(() => loadLater().then(({ SearchBox }) => SearchBox), null);

export function SearchButton() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      setOpen(true);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <button
        type="button"
        class="icon"
        aria-label="Search"
        aria-keyshortcuts="/"
        title="Search (/)"
        onClick={() => setOpen(true)}
      >
        <span aria-hidden="true">⌕</span>
      </button>
      {isOpen && <SearchBox close={() => setOpen(false)} />}
    </>
  );
}

/** Whether a key belongs to a field, or to a dialog that is open. */
function isTyping(target: EventTarget | null): boolean {
  const isField = target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
  return isField || document.querySelector("dialog[open]") !== null;
}

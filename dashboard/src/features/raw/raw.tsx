/** A raw response of the API; a plain link would not carry the token. */

import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";

export function Raw({ id }: { id: string }) {
  const path = `/api/${id}`;
  const live = useLive<unknown>(path);
  const copy = (text: string) => void navigator.clipboard?.writeText(text);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("")}>← Overview</a>
      </p>
      <When live={live}>
        {(found) => {
          const text = typeof found === "string" ? found : JSON.stringify(found, null, 2);
          return (
            <Panel
              title={path}
              kind="wide"
              aside={
                <button type="button" onClick={() => copy(text)}>
                  Copy
                </button>
              }
            >
              <pre tabIndex={0} class="tall">
                {text}
              </pre>
            </Panel>
          );
        }}
      </When>
    </div>
  );
}

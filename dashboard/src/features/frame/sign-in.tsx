/** The form that takes a token. */

import { useEffect, useRef } from "preact/hooks";
import { signIn } from "../../lib/api/session";

export function SignIn({ wasRejected }: { wasRejected: boolean }) {
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
        {wasRejected && (
          <p class="problem" role="alert">
            This token is not valid.
          </p>
        )}
        <label for="token">Token</label>
        <input id="token" type="password" ref={field} autocomplete="off" required aria-describedby="hint" />
        <p id="hint" class="quiet">
          A viewer or admin token. Only this tab keeps it, and only until the tab closes.
        </p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}

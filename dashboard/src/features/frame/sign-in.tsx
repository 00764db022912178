/** The form that takes a token, and the way to the organization's issuer where there is one. */

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signIn } from "../../lib/api/session";

export function SignIn({ wasRejected, reason }: { wasRejected: boolean; reason: string | null }) {
  const field = useRef<HTMLInputElement>(null);
  const [IssuerButton, setIssuerButton] = useState<ComponentType | null>(null);
  useEffect(() => {
    field.current?.focus();
    // The form for a token does not wait for it, and works without it.
    import("./issuer-button").then(
      ({ IssuerButton }) => setIssuerButton(() => IssuerButton),
      () => undefined,
    );
  }, []);
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
            {reason === null ? "This token is not valid." : `Signed out: ${reason}.`}
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
        {IssuerButton && <IssuerButton />}
      </form>
    </main>
  );
}

/** The form that takes a token, and the way to the organization's issuer where there is one. */

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { openSession } from "../../lib/api/exchange";

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
  const [problem, setProblem] = useState<string | null>(null);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = field.current?.value.trim();
    if (given) setProblem(await openSession(given));
  };
  const said = wasRejected ? (reason === null ? "This token is not valid." : `Signed out: ${reason}.`) : null;
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={send}>
        <h1>Callwatch</h1>
        {(problem ?? said) && (
          <p class="problem" role="alert">
            {problem ?? said}
          </p>
        )}
        <label for="token">Token</label>
        <input id="token" type="password" ref={field} autocomplete="off" required aria-describedby="hint" />
        <p id="hint" class="quiet">
          A viewer or admin token. It opens a session in this browser; the page does not keep it.
        </p>
        <button type="submit" class="primary">
          Open
        </button>
        {IssuerButton && <IssuerButton />}
      </form>
    </main>
  );
}

/** The button that signs in at the organization's issuer, where there is one; it also ends a sign-in that returns. */

import { useEffect, useState } from "preact/hooks";
import {
  beginSignIn,
  completeSignIn,
  forgetIssuer,
  type Issuer,
  isKnownHere,
  isReturning,
  loadIssuer,
  SignInError,
} from "../../lib/api/issuer";

export function IssuerButton() {
  const [issuer, setIssuer] = useState<Issuer | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      forgetIssuer();
      setProblem(error instanceof SignInError ? error.message : "the sign-in failed; sign in again");
      setBusy(false);
    }
  };
  useEffect(() => {
    const isNew = !isReturning();
    void loadIssuer().then((found) => {
      setIssuer(found);
      if (found && isNew && isKnownHere(found)) void attempt(() => beginSignIn(found));
    });
    if (!isNew) void attempt(completeSignIn);
  }, []);
  if (!issuer && !problem) return null;
  return (
    <>
      {problem && (
        <p class="problem" role="alert">
          Not signed in: {problem}.
        </p>
      )}
      {issuer && (
        <button type="button" disabled={isBusy} onClick={() => void attempt(() => beginSignIn(issuer))}>
          {isBusy ? "Signing in …" : "Sign in with your organization"}
        </button>
      )}
    </>
  );
}

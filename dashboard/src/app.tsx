/** The page: a form for the token, or the frame with its views. */

import { useEffect } from "preact/hooks";
import { Frame } from "./features/frame/frame";
import { getRenewal, useSession } from "./lib/api/session";
import { startPolling, stopPolling } from "./lib/polling/scheduler";
import { lazy } from "./ui/lazy";

// Who is signed in does not wait for it.
const SignIn = lazy<{ wasRejected: boolean; reason: string | null }>(
  () => import("./features/frame/sign-in").then(({ SignIn }) => SignIn),
  null,
);

export function App() {
  const { isSignedIn, wasRejected, reason } = useSession();
  useEffect(() => {
    if (!isSignedIn) return;
    startPolling();
    const stopRenewing = getRenewal() ? import("./lib/api/issuer").then(({ keepRenewing }) => keepRenewing()) : null;
    return () => {
      stopPolling();
      void stopRenewing?.then((stop) => stop());
    };
  }, [isSignedIn]);
  return isSignedIn ? <Frame /> : <SignIn wasRejected={wasRejected} reason={reason} />;
}

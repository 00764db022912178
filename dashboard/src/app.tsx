/** The page: a form for the token, or the frame with its views. */

import { useEffect } from "preact/hooks";
import { Frame } from "./features/frame/frame";
import { SignIn } from "./features/frame/sign-in";
import { getRenewal, useSession } from "./lib/api/session";
import { startPolling, stopPolling } from "./lib/polling/scheduler";

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

/** The page: a form for the token, or the frame with its views. */

import { useEffect } from "preact/hooks";
import { Frame } from "./features/frame/frame";
import { SignIn } from "./features/frame/sign-in";
import { useSession } from "./lib/api/session";
import { startPolling, stopPolling } from "./lib/polling/scheduler";

export function App() {
  const { isSignedIn, wasRejected } = useSession();
  useEffect(() => {
    if (!isSignedIn) return;
    startPolling();
    return stopPolling;
  }, [isSignedIn]);
  return isSignedIn ? <Frame /> : <SignIn wasRejected={wasRejected} />;
}

/** The switch for notifications of this browser. The browser asks a person only after a click on it. */

import { useState } from "preact/hooks";
import { areNotificationsOn, canNotify } from "../../lib/notifications";
import { useOverview } from "../../lib/overview";
import { Panel } from "../../ui/panel";
import { switchNotifications } from "./notified";
import { listCritical } from "./notifier";

/** Ask for the permission and show a first notification; what is wrong, or "". */
async function tryNotification(): Promise<string> {
  if ((await Notification.requestPermission()) !== "granted")
    return "The browser does not allow it; its settings for this site decide.";
  try {
    new Notification("Callwatch", { body: "Notifications of critical incidents are on.", tag: "callwatch" });
    return "";
  } catch {
    // Browsers on phones show notifications of service workers only, and the page has none.
    return "This browser shows no notifications of a page.";
  }
}

export function NotificationSwitch() {
  const { data } = useOverview();
  const [isOn, setOn] = useState(areNotificationsOn);
  const [problem, setProblem] = useState("");
  const change = async () => {
    const isWanted = !isOn;
    const problem = isWanted ? await tryNotification() : "";
    const isAllowed = isWanted && !problem;
    setProblem(problem);
    // What is open now stands on the page already.
    switchNotifications(
      isAllowed,
      listCritical(data?.incidents ?? []).map(({ id }) => id),
    );
    setOn(areNotificationsOn());
  };
  return (
    <Panel title="This browser">
      <p>
        Notifications of critical incidents, each once, while the page is open in a tab. They say that one began, and nothing of
        what it is about.
      </p>
      {canNotify() ? (
        <div class="buttons">
          <button type="button" aria-pressed={isOn} onClick={() => void change()}>
            {isOn ? "Switch off" : "Switch on"}
          </button>
        </div>
      ) : (
        <p class="quiet">This browser has no notifications.</p>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </Panel>
  );
}

/** Which incidents were notified, by any tab of this browser; kept only while a person has notifications on. */

import { NOTIFICATIONS_KEY } from "../../lib/notifications";

/** Remember the choice, with the incidents that need no notification any more. */
export function switchNotifications(isOn: boolean, known: string[] = []): void {
  if (isOn) localStorage.setItem(NOTIFICATIONS_KEY, JSON.stringify(known));
  else localStorage.removeItem(NOTIFICATIONS_KEY);
}

/** The incidents that were notified, by any tab. */
export function readNotified(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(NOTIFICATIONS_KEY) ?? "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return [];
  }
}

/** Whether this browser shows notifications: only after a person switched them on, and only while the browser allows them. */

export const NOTIFICATIONS_KEY = "callwatch-notifications";

export function areNotificationsOn(): boolean {
  return localStorage.getItem(NOTIFICATIONS_KEY) !== null && canNotify() && Notification.permission === "granted";
}

export function canNotify(): boolean {
  return typeof Notification !== "undefined";
}

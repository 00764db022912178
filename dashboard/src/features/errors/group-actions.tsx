/** What a person may do about error groups: about one, or about many at once. */

import { ApiError, request } from "../../lib/api/client";
import type { GroupResults } from "../../lib/api/types";
import { Action } from "../../ui/dialog";
import { computeEnd, Duration } from "../../ui/duration";

/** Send an action with what it needs. Throws ApiError. */
export type Act = (action: string, body: object) => Promise<unknown>;

/** One action on one group. */
export const actOnGroup =
  (id: string): Act =>
  (action, body) =>
    request(`/api/errors/${encodeURIComponent(id)}/${action}`, "POST", body);

/** One action on many groups; those that fail are counted, with the message of the first. */
export const actOnGroups =
  (ids: string[]): Act =>
  async (action, body) => {
    const found = await request<GroupResults>("/api/errors/bulk", "POST", { ids, action, ...body });
    const failed = found.results.find(({ status }) => status === "failed");
    if (failed) throw new ApiError(409, `${found.done} done, ${found.failed} failed: ${failed.error?.message ?? "unknown"}`);
    return found;
  };

interface ActionProps {
  act: Act;
  /** What it is about, for the title of the form: "this group". */
  about: string;
}

export function Resolve({ act, about }: ActionProps) {
  const fields = (
    <label>
      In release (optional)
      <input name="release" maxLength={200} />
    </label>
  );
  const resolve = (reason: string, form: FormData) =>
    act("resolve", { reason, ...(form.get("release") ? { in_release: form.get("release") } : {}) });
  return <Action label="Resolve" title={`Resolve ${about}`} fields={fields} act={resolve} />;
}

export function Ignore({ act, about }: ActionProps) {
  const ignore = (reason: string, form: FormData) =>
    act("ignore", { reason, ...(form.get("hours") ? { until: computeEnd(form) } : {}) });
  return <Action label="Ignore" title={`Ignore ${about}`} fields={<Duration forever />} act={ignore} />;
}

export function Assign({ act, about }: ActionProps) {
  const fields = (
    <label>
      To (empty: nobody)
      <input name="to" maxLength={100} autofocus />
    </label>
  );
  const assign = (_reason: string, form: FormData) => act("assign", { to: String(form.get("to") ?? "").trim() || null });
  return <Action label="Assign" title={`Assign ${about}`} needsReason={false} fields={fields} act={assign} />;
}

export function Comment({ act, about }: ActionProps) {
  const fields = (
    <label>
      Comment
      <textarea name="text" required maxLength={2000} rows={3} autofocus />
    </label>
  );
  const comment = (_reason: string, form: FormData) => act("comment", { text: String(form.get("text") ?? "").trim() });
  return <Action label="Comment" title={`Comment on ${about}`} needsReason={false} fields={fields} act={comment} />;
}

export function Merge({ act, about }: ActionProps) {
  const fields = (
    <label>
      Into the group with this id
      <input name="into" required maxLength={300} autofocus />
    </label>
  );
  const merge = (reason: string, form: FormData) => act("merge", { reason, into: String(form.get("into") ?? "").trim() });
  return <Action label="Merge" title={`Merge ${about} into another`} fields={fields} act={merge} />;
}

export function Reopen({ act, about }: ActionProps) {
  return <Action label="Reopen" title={`Reopen ${about}`} act={(reason) => act("reopen", { reason })} />;
}

/** A deletion cannot be undone. */
export function Delete({ act, about }: ActionProps) {
  return <Action label="Delete" title={`Delete ${about} for good`} act={(reason) => act("delete", { reason })} />;
}

/** Forms in a dialog: each action takes a reason, and says what went wrong. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api";
import { refresh } from "../poll";

interface ActionProps {
  label: string;
  title: string;
  kind?: string;
  /** What the reason is called, and more fields than it. */
  fields?: ComponentChildren;
  confirm?: string;
  needsReason?: boolean;
  act: (reason: string, form: FormData) => Promise<unknown>;
}

/** A button that opens a form, sends it, and asks everything anew. */
export function Action({ label, title, kind = "", fields, confirm, needsReason = true, act }: ActionProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class={kind} onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && (
        <ActionDialog
          title={title}
          confirm={confirm ?? label}
          fields={fields}
          needsReason={needsReason}
          act={act}
          close={() => setOpen(false)}
        />
      )}
    </>
  );
}

interface DialogProps {
  title: string;
  confirm: string;
  fields: ComponentChildren;
  needsReason: boolean;
  act: ActionProps["act"];
  close: () => void;
}

function ActionDialog({ title, confirm, fields, needsReason, act, close }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setSending(true);
    try {
      await act(String(form.get("reason") ?? "").trim(), form);
      dialog.current?.close();
      await refresh();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
      setSending(false);
    }
  };
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <form onSubmit={send}>
        <h2>{title}</h2>
        {fields}
        {needsReason && (
          <label>
            Reason
            <textarea
              name="reason"
              required
              maxLength={1000}
              rows={3}
              autofocus
              aria-describedby={problem ? "problem" : undefined}
            />
          </label>
        )}
        {problem && (
          <p class="problem" id="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="buttons">
          <button type="submit" class="primary" disabled={isSending}>
            {confirm}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}

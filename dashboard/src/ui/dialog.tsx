/** Forms in a dialog: each action takes a reason and shows what went wrong. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../lib/api/client";
import { refreshAfterAction } from "../lib/polling/scheduler";

interface ActionProps {
  label: string;
  title: string;
  kind?: string;
  /** Fields in addition to the reason. */
  fields?: ComponentChildren;
  confirm?: string;
  needsReason?: boolean;
  /** The reason that is given where a person writes none; left out: they must write one. */
  usualReason?: string;
  act: (reason: string, form: FormData) => Promise<unknown>;
}

let open: (shown: ActionProps) => void = () => {};

/** A button that opens a form, sends it, and refreshes everything. */
export function Action(props: ActionProps) {
  return (
    <button type="button" class={props.kind ?? ""} onClick={() => open(props)}>
      {props.label}
    </button>
  );
}

/** Where forms open: outside of the rows with their buttons, which may disappear while a form is open. */
export function Dialogs() {
  const [shown, show] = useState<ActionProps | null>(null);
  useEffect(() => {
    const close = () => show(null);
    open = show;
    window.addEventListener("hashchange", close);
    return () => window.removeEventListener("hashchange", close);
  }, []);
  return shown && <ActionDialog {...shown} close={() => show(null)} />;
}

type DialogProps = ActionProps & { close: () => void };

function ActionDialog({ label, title, confirm = label, fields, needsReason = true, usualReason = "", act, close }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setSending(true);
    try {
      await act(String(form.get("reason") ?? "").trim() || usualReason, form);
      dialog.current?.close();
      await refreshAfterAction();
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
              required={!usualReason}
              placeholder={usualReason}
              maxLength={1000}
              rows={usualReason ? 2 : 3}
              autofocus={!usualReason}
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

/** How the deliveries to a channel or a subscriber do, in sentences. */

import { Age, Time } from "./time";

interface DeliveryStateProps {
  of: { last_sent_at: string | null; last_failed_at: string | null; last_error: string | null; held_until: string | null };
  /** What is said while nothing was sent. */
  none: string;
  /** How many deliveries wait. */
  waiting?: number;
}

export function DeliveryState({ of, none, waiting = 0 }: DeliveryStateProps) {
  return (
    <>
      {of.last_sent_at ? (
        <>
          Last delivery <Age since={of.last_sent_at} /> ago.{" "}
        </>
      ) : (
        none
      )}
      {waiting > 0 && `${waiting} waiting. `}
      {of.held_until && (
        <>
          Deliveries wait until <Time at={of.held_until} />.{" "}
        </>
      )}
      {of.last_error && of.last_failed_at && (
        <>
          Last failure <Age since={of.last_failed_at} /> ago: {of.last_error}
        </>
      )}
    </>
  );
}

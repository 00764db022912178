/** One parameter of the address as a row of buttons: each choice is one click. */

import { setParams } from "../../lib/route";

interface ButtonsProps {
  label: string;
  name: string;
  value: string;
  choices: [value: string, words: string][];
  /** What changes with it. */
  others?: Record<string, string>;
}

export function Buttons({ label, name, value, choices, others = {} }: ButtonsProps) {
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {choices.map(([choice, words]) => (
        <button
          type="button"
          key={choice}
          aria-pressed={choice === value}
          onClick={() => setParams({ [name]: choice, ...others })}
        >
          {words}
        </button>
      ))}
    </fieldset>
  );
}

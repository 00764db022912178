/** A field of a form in which one of a few words is chosen. */

interface ChoiceProps {
  label: string;
  name: string;
  choices: readonly string[];
  chosen: string;
}

export function Choice({ label, name, choices, chosen }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name} defaultValue={chosen}>
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    </label>
  );
}

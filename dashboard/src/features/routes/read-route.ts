/** A route as a form has it: its usual parts in fields of their own, everything else as the JSON of ROUTES_FILE. */

export type Definition = Record<string, unknown>;

/** Parts of `match` that are a text or a list of texts. */
export const TEXTS = ["rule", "stage", "service", "environment", "project"] as const;
const MINUTE_S = 60;

/** What a form cannot be read as; the text is for people. */
export class Unreadable extends Error {}

/** The values of the fields for a route. */
export interface Shown {
  name: string;
  levels: string[];
  texts: Record<string, string>;
  channels: string[];
  wait: string;
  repeat: string;
  steps: string;
  others: string;
}

export function showRoute({ name, match, channels, wait_s, repeat_s, escalation, ...others }: Definition): Shown {
  const { level, ...matched } = isObject(match) ? match : {};
  const texts = Object.fromEntries(TEXTS.map((part) => [part, list(matched[part]).join(", ")]));
  for (const part of TEXTS) delete matched[part];
  const isNumber = typeof repeat_s === "number";
  const left = {
    ...(Object.keys(matched).length > 0 ? { match: matched } : {}),
    ...others,
    ...(repeat_s === undefined || isNumber ? {} : { repeat_s }),
  };
  return {
    name: String(name ?? ""),
    levels: list(level),
    texts,
    channels: list(channels),
    wait: toMinutes(wait_s),
    repeat: isNumber ? toMinutes(repeat_s) : "",
    steps: (Array.isArray(escalation) ? escalation : [])
      .map((step) => `${toMinutes(step.after_s)}: ${list(step.channels).join(", ")}`)
      .join("\n"),
    others: Object.keys(left).length > 0 ? JSON.stringify(left, null, 2) : "",
  };
}

/** The route that a form describes. Throws Unreadable. */
export function readRoute(form: FormData): Definition {
  const read = (name: string) => String(form.get(name) ?? "").trim();
  const { match, ...others } = readObject(read("others"));
  const levels = form.getAll("level").map(String);
  const texts = TEXTS.map((part): [string, string[]] => [part, split(read(part))]).filter(([, values]) => values.length > 0);
  const matched = {
    ...(levels.length > 0 ? { level: levels } : {}),
    ...Object.fromEntries(texts),
    ...(isObject(match) ? match : {}),
  };
  const channels = form.getAll("channel").map(String);
  const steps = readSteps(read("steps"));
  return {
    name: read("name"),
    ...(Object.keys(matched).length > 0 ? { match: matched } : {}),
    ...(channels.length > 0 ? { channels } : {}),
    ...(read("wait") ? { wait_s: toSeconds(read("wait")) } : {}),
    ...(read("repeat") ? { repeat_s: toSeconds(read("repeat")) } : {}),
    ...(steps.length > 0 ? { escalation: steps } : {}),
    ...others,
  };
}

function readSteps(text: string): { after_s: number; channels: string[] }[] {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const [minutes = "", names = ""] = line.split(/:(.*)/s);
      const after_s = toSeconds(minutes.trim());
      if (!minutes.trim() || Number.isNaN(after_s) || split(names).length === 0)
        throw new Unreadable("Write each step as minutes and channels, such as 15: pagerduty, slack.");
      return { after_s, channels: split(names) };
    });
}

function readObject(text: string): Definition {
  if (!text) return {};
  try {
    const found: unknown = JSON.parse(text);
    if (isObject(found)) return found;
  } catch {
    // The same remedy as for JSON that is no object.
  }
  throw new Unreadable('Write the further fields as a JSON object, such as {"group_by": ["stage"]}.');
}

function split(text: string): string[] {
  return text
    .split(/,/)
    .map((part) => part.trim())
    .filter(Boolean);
}

const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
const toMinutes = (seconds: unknown) => (typeof seconds === "number" ? String(seconds / MINUTE_S) : "");
/** Rounded, since 0.1 min is not exactly 6 s. */
const toSeconds = (minutes: string) => Math.round(Number(minutes) * MINUTE_S * 1000) / 1000;

function isObject(value: unknown): value is Definition {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

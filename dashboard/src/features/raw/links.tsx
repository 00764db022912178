/** Links to the raw responses of the API. */

import { linkTo } from "../../lib/route";

const LINKS = [
  "health",
  "status",
  "metrics/system",
  "metrics/jobs",
  "metrics/errors",
  "metrics/prometheus",
  "pipeline",
  "errors",
  "alerts",
  "silences",
  "rules",
  "uptime",
  "openapi.json",
];

export function RawLinks() {
  return (
    <nav class="raw" aria-label="Raw API responses">
      <span class="quiet">Raw API responses</span>
      {LINKS.map((name) => (
        <a key={name} href={linkTo(`raw/${name}`)}>
          /api/{name}
        </a>
      ))}
    </nav>
  );
}

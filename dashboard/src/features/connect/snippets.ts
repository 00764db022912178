/** How a client of each language is set up with a DSN. */

/** The DSN of a project on this page's own host; a key that is not given yet is a word in its place. */
export function buildDsn(origin: string, key: string, project: string): string {
  const { protocol, host } = new URL(origin);
  return `${protocol}//${encodeURIComponent(key) || "INGEST_KEY"}@${host}/${encodeURIComponent(project) || "1"}`;
}

export const SNIPPETS: Record<string, (dsn: string) => string> = {
  Python: (dsn) => `# pip install sentry-sdk
import sentry_sdk

sentry_sdk.init(dsn="${dsn}", release="shop@1.0.0", traces_sample_rate=1.0)
sentry_sdk.capture_message("Hello from Python")`,
  "Node.js": (dsn) => `// npm install @sentry/node, and save this as hello.mjs
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: "${dsn}", release: "shop@1.0.0", tracesSampleRate: 1 });
Sentry.captureMessage("Hello from Node.js");`,
  Browser: (dsn) => `// npm install @sentry/browser
import * as Sentry from "@sentry/browser";

Sentry.init({ dsn: "${dsn}", release: "shop@1.0.0" });
Sentry.captureMessage("Hello from a browser");`,
  Go: (dsn) => `// go mod init hello && go get github.com/getsentry/sentry-go
package main

import (
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {
	if err := sentry.Init(sentry.ClientOptions{Dsn: "${dsn}", Release: "shop@1.0.0"}); err != nil {
		panic(err)
	}
	defer sentry.Flush(5 * time.Second)
	sentry.CaptureMessage("Hello from Go")
}`,
  Ruby: (dsn) => `# gem install sentry-ruby
require "sentry-ruby"

Sentry.init { |config| config.dsn = "${dsn}"; config.release = "shop@1.0.0" }
Sentry.capture_message("Hello from Ruby")`,
  PHP: (dsn) => `<?php
// composer require sentry/sentry
require "vendor/autoload.php";

\\Sentry\\init(["dsn" => "${dsn}", "release" => "shop@1.0.0"]);
\\Sentry\\captureMessage("Hello from PHP");`,
};

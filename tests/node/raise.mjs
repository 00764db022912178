// A Node.js application with the real SDK: raises what the test asks for, to the DSN in its environment.
import http from "node:http";
import net from "node:net";
import * as Sentry from "@sentry/node";

const { DSN, MARKER } = process.env;

Sentry.init({
  dsn: DSN,
  release: "node-2.4.0",
  environment: "staging",
  tracesSampleRate: 1,
  includeLocalVariables: false,
  ...JSON.parse(process.env.OPTIONS ?? "{}"),
});

function nested() {
  try {
    null.agent;
  } catch (cause) {
    throw new Error(`outer ${MARKER} for bob@example.com`, { cause });
  }
}

// The SDK sends the lines of source around each frame: an id that stands there as a literal is code, and is kept.
Sentry.setUser({ id: ["user", 1].join("-"), email: "bob@example.com", ip_address: "203.0.113.7" });
Sentry.addBreadcrumb({ category: "call", message: "dialled 415-555-2671" });
try {
  nested();
} catch (error) {
  Sentry.captureException(error, { tags: { queue: "transcription" }, extra: { customer_name: "John Smith" } });
}
Sentry.captureException(new AggregateError([new TypeError("one"), new RangeError("two")], `group ${MARKER}`));
Sentry.captureMessage(`message ${MARKER}`, "warning");
Sentry.captureException(new Error(`attached ${MARKER}`), {
  attachments: [{ filename: "log.bin", data: new Uint8Array([0, 10, 255, 10]) }],
});

const server = http.createServer((request, response) => {
  response.statusCode = request.url.startsWith("/broken") ? 500 : 200;
  response.end("done");
});

// A caller from outside, whom the SDK knows nothing of.
function call(port, path) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    });
    socket.resume().on("close", resolve);
  });
}

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  await call(port, `/node-${MARKER}/4821?token=secret`);
  await call(port, `/broken/${MARKER}`);
  server.close();
  // The span of a request ends a moment after its answer.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const isSent = await Sentry.flush(10_000);
  process.exit(isSent ? 0 : 1);
});

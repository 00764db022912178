"""The clients that are tried: package and version, the program that sends with them, and what it sends."""

import re
from dataclasses import dataclass, field
from typing import Literal

Runtime = Literal["python", "node", "ruby", "go", "php"]


@dataclass(frozen=True, slots=True)
class Client:
    """One client. packages: what is installed. sender: a file in senders/. errors, requests: how many it sends.

    Clients of Ruby and Go are packages of Debian, with their runtime; on another system they cannot be tried. Those of PHP need
    php with curl and mbstring, and composer.
    """

    name: str
    version: str
    runtime: Runtime
    packages: tuple[str, ...]
    sender: str
    errors: int
    requests: int = 0
    options: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name of its environment's folder."""
        return re.sub(r"[^a-z0-9.]+", "-", f"{self.runtime} {self.name} {self.version}".lower()).strip("-")


_OTEL = ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2")
_OTEL_NODE = (
    *("@opentelemetry/api@1", "@opentelemetry/sdk-trace-base@2", "@opentelemetry/sdk-logs"),
    *("@opentelemetry/exporter-trace-otlp-http", "@opentelemetry/exporter-trace-otlp-proto"),
    "@opentelemetry/exporter-logs-otlp-http",
)


def _describe_python_sentry(version: str, **options: str) -> Client:
    package = f"sentry-sdk=={version}"
    has_traces = options.get("TRACES") != "0"
    return Client("sentry-sdk", version, "python", (package,), "sentry_python.py", 3, 2 if has_traces else 0, options)


def _describe_node_sentry(version: str, has_traces: bool = True) -> Client:
    requests, options = (2, {"TRACES": "1"}) if has_traces else (0, {})
    return Client("@sentry/node", version, "node", (f"@sentry/node@{version}",), "sentry_node.cjs", 3, requests, options)


def _describe_debian(name: str, version: str, runtime: Runtime, package: str, sender: str, requests: int = 0) -> Client:
    packages = (f"{package}={version}*", "golang-go" if runtime == "go" else "ruby")
    return Client(name, version, runtime, packages, sender, 3, requests)


def _describe_php(name: str, version: str, sender: str, requests: int = 0) -> Client:
    return Client(name, version, "php", (f"sentry/sentry:{version}",), sender, 3, requests)


CLIENTS = (
    _describe_python_sentry("0.20.3", TRACES="0"),
    _describe_python_sentry("1.14.0"),
    _describe_python_sentry("1.45.1"),
    _describe_python_sentry("2.75.0"),
    Client("raven", "6.10.0", "python", ("raven==6.10.0",), "raven_python.py", 3),
    # Traces of these two need another package.
    _describe_node_sentry("5.30.0", has_traces=False),
    _describe_node_sentry("6.19.7", has_traces=False),
    _describe_node_sentry("7.120.4"),
    _describe_node_sentry("8.55.0"),
    _describe_node_sentry("9.46.0"),
    _describe_node_sentry("10.30.0"),
    _describe_node_sentry("11.12.0"),
    Client("raven", "2.6.4", "node", ("raven@2.6.4",), "raven_node.cjs", 3),
    Client("sentry-cli send-event", "3.8.0", "node", ("@sentry/cli@3.8.0",), "sentry_cli.cjs", 3),
    Client("opentelemetry (http/protobuf)", "1.45.2", "python", _OTEL, "otlp_python.py", 3, 2),
    Client("sentry-sdk, OTLPIntegration", "2.75.0", "python", ("sentry-sdk==2.75.0", *_OTEL), "sentry_otlp_python.py", 1, 2),
    Client("opentelemetry (http/json)", "2", "node", _OTEL_NODE, "otlp_node.mjs", 3, 2, {"FORM": "json"}),
    Client("opentelemetry (http/protobuf)", "2", "node", _OTEL_NODE, "otlp_node.mjs", 3, 2, {"FORM": "protobuf"}),
    _describe_debian("sentry-raven", "3.1.2", "ruby", "ruby-sentry-raven", "raven_ruby.rb"),
    _describe_debian("sentry-ruby", "5.3.0", "ruby", "ruby-sentry-ruby", "sentry_ruby.rb", requests=2),
    _describe_debian("raven-go", "0.2.0", "go", "golang-github-getsentry-raven-go-dev", "raven_go.go"),
    _describe_debian("sentry-go", "0.11.0", "go", "golang-github-getsentry-sentry-go-dev", "sentry_go.go", requests=2),
    _describe_php("sentry/sentry", "1.11.0", "raven_php.php"),
    _describe_php("sentry/sentry", "4.29.0", "sentry_php.php", requests=2),
)

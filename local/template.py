"""template.yaml as the local system needs it: transformed by SAM's own translator, intrinsics resolved."""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# The translator collects figures about itself, and complains at the end that nobody published them.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)
ACCOUNT = "000000000000"
REGION = "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "callwatch-local",
}


class TemplateError(Exception):
    """The template asks for what the local system cannot do; the text is one line."""


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function: how it is started, how long it may run, how many at once."""

    name: str
    handler: str
    code: Path
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    most_at_once: int | None


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API; rates are requests a second."""

    method: str
    path: str
    function: str
    authorizer: str | None
    rate: float
    burst: float

    @property
    def key(self) -> str:
        """As API Gateway names it, such as "GET /api/errors/{id}"."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue whose messages invoke a function."""

    queue: str
    function: str
    batch_size: int


@dataclass(frozen=True)
class Template:
    """What the local system starts, runs and answers."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    queues: Mapping[str, Mapping[str, str]]
    schedules: tuple[str, ...]
    event_sources: tuple[EventSource, ...]
    cors: Mapping[str, Any] = field(default_factory=dict)


class _NoPolicies:
    """Managed policies matter to IAM alone, which is not there locally."""

    def load(self) -> dict[str, str]:
        """No names, no ARNs."""
        return {}


def load(path: Path, values: Mapping[str, str], queue_urls: Mapping[str, str]) -> Template:
    """Read a template.

    values: local values of variables; a function gets those that its environment names.
    queue_urls: addresses of the queues by logical id.
    """
    source = json.loads(json.dumps(yaml_parse(path.read_text())))
    code = _take_code(source, path.parent)
    # The translator looks for a region in the environment, and for nothing else.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    parameters = {name: str(given.get("Default", "")) for name, given in source.get("Parameters", {}).items()}
    if values.get("CORS_ORIGINS"):
        parameters["CorsOrigins"] = values["CORS_ORIGINS"]
    resources = transform(source, dict(parameters), _NoPolicies())["Resources"]
    resolve = _Resolver(parameters, source.get("Conditions", {}), resources, queue_urls).resolve
    functions = {
        name: _function(name, resolve(resource["Properties"]), code[name], values)
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    return Template(
        functions=functions,
        routes=_routes(resources, resolve, functions),
        queues=_queues(resources, resolve),
        schedules=_schedules(resources, functions),
        event_sources=_event_sources(resources, functions),
        cors=_cors(resources, resolve),
    )


def _take_code(source: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Where each function's code lies; the translator wants an uploaded archive in its place."""
    default = source.get("Globals", {}).get("Function", {}).pop("CodeUri", ".")
    code = {}
    for name, resource in source["Resources"].items():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            code[name] = folder / properties.get("CodeUri", default)
            properties["CodeUri"] = "s3://local/code"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = "s3://local/layer"
    return code


class _Resolver:
    """Replaces CloudFormation's intrinsics by local values."""

    def __init__(
        self,
        parameters: Mapping[str, str],
        conditions: Mapping[str, Any],
        resources: Mapping[str, Any],
        queue_urls: Mapping[str, str],
    ) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._resources = resources
        self._queue_urls = queue_urls

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic in it replaced; an AWS::NoValue takes its key with it."""
        if isinstance(value, list):
            return [found for item in value if (found := self.resolve(item)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._intrinsic(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None or value[key] is None}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._ref(argument)
        if name == "Condition":
            return self.resolve(self._conditions[argument])
        if name == "GetAtt":
            target, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
            return self._attribute(target, attribute)
        if name == "Sub":
            return re.sub(r"\$\{([^!}]+)\}", lambda match: str(self._named(match[1])), argument)
        if name == "If":
            condition, then, otherwise = argument
            return self.resolve(then if self.resolve(self._conditions[condition]) else otherwise)
        operands = self.resolve(argument)
        if name == "Equals":
            return operands[0] == operands[1]
        if name == "Not":
            return not operands[0]
        if name == "Join":
            return operands[0].join(str(item) for item in operands[1])
        raise TemplateError(f"the intrinsic {name} is not known locally")

    def _named(self, name: str) -> Any:
        target, dot, attribute = name.partition(".")
        return self._attribute(target, attribute) if dot else self._ref(name)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        if name in self._queue_urls:
            return self._queue_urls[name]
        # Secrets, topics and the like do not exist here: their variables come from the environment, or are empty.
        return ""

    def _attribute(self, target: str, attribute: str) -> str:
        kind = self._resources.get(target, {}).get("Type", "")
        if kind == "AWS::SQS::Queue" and attribute == "Arn":
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{target}"
        return ""


def _function(name: str, properties: dict[str, Any], code: Path, values: Mapping[str, str]) -> Function:
    given = properties.get("Environment", {}).get("Variables", {})
    environment = {key: values.get(key, _local(str(value))) for key, value in given.items()}
    return Function(
        name=name,
        handler=properties["Handler"],
        code=code,
        timeout_s=float(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        environment=environment,
        most_at_once=properties.get("ReservedConcurrentExecutions"),
    )


def _local(value: str) -> str:
    """A template's value where nobody set one: what lies in AWS (a secret, a parameter) is empty here."""
    return "" if value.startswith("ssm:") or re.fullmatch(r":\w+::", value) else value


def _routes(resources: Mapping[str, Any], resolve: Any, functions: Mapping[str, Function]) -> tuple[Route, ...]:
    routes = []
    for resource in resources.values():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        body = resource["Properties"]["Body"]
        stage = next(item for item in resources.values() if item["Type"] == "AWS::ApiGatewayV2::Stage")
        settings = resolve(stage["Properties"])
        authorizers = _authorizers(body, functions)
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                if method == "options":
                    continue
                key = f"{method.upper()} {path}"
                limits = settings.get("DefaultRouteSettings", {}) | settings.get("RouteSettings", {}).get(key, {})
                security = [name for entry in operation.get("security", []) for name in entry]
                routes.append(
                    Route(
                        method=method.upper(),
                        path=path,
                        function=_function_in(operation["x-amazon-apigateway-integration"]["uri"], functions),
                        authorizer=next((authorizers[name] for name in security if name in authorizers), None),
                        rate=float(limits.get("ThrottlingRateLimit", 10_000)),
                        burst=float(limits.get("ThrottlingBurstLimit", 5_000)),
                    )
                )
    return tuple(routes)


def _authorizers(body: Mapping[str, Any], functions: Mapping[str, Function]) -> dict[str, str]:
    schemes = body.get("components", {}).get("securitySchemes", {})
    return {
        name: _function_in(scheme["x-amazon-apigateway-authorizer"]["authorizerUri"], functions)
        for name, scheme in schemes.items()
    }


def _function_in(value: Any, functions: Mapping[str, Function]) -> str:
    """The function that an ARN built of intrinsics means."""
    text = json.dumps(value)
    found = [name for name in functions if re.search(rf"\b{name}\b", text)]
    if len(found) != 1:
        raise TemplateError(f"no single function is meant by {text}")
    return found[0]


def _queues(resources: Mapping[str, Any], resolve: Any) -> dict[str, dict[str, str]]:
    queues = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::SQS::Queue":
            continue
        given = resolve(resource.get("Properties", {}))
        attributes = {
            key: json.dumps(value) if isinstance(value, dict) else str(value)
            for key, value in given.items()
            if key in ("VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize", "DelaySeconds", "RedrivePolicy")
        }
        queues[name] = attributes
    return queues


def _schedules(resources: Mapping[str, Any], functions: Mapping[str, Function]) -> tuple[str, ...]:
    return tuple(
        _function_in(resource["Properties"]["Target"]["Arn"], functions)
        for resource in resources.values()
        if resource["Type"] == "AWS::Scheduler::Schedule"
    )


def _event_sources(resources: Mapping[str, Any], functions: Mapping[str, Function]) -> tuple[EventSource, ...]:
    queues = [name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue"]
    sources = []
    for resource in resources.values():
        if resource["Type"] != "AWS::Lambda::EventSourceMapping":
            continue
        properties = resource["Properties"]
        arn = json.dumps(properties["EventSourceArn"])
        sources.append(
            EventSource(
                queue=next(name for name in queues if re.search(rf"\b{name}\b", arn)),
                function=_function_in(properties["FunctionName"], functions),
                batch_size=int(properties.get("BatchSize", 10)),
            )
        )
    return tuple(sources)


def _cors(resources: Mapping[str, Any], resolve: Any) -> dict[str, Any]:
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            found: dict[str, Any] = resolve(resource["Properties"]["Body"].get("x-amazon-apigateway-cors", {})) or {}
            origins = found.get("allowOrigins")
            if isinstance(origins, str):
                found["allowOrigins"] = [origin for origin in origins.split(",") if origin]
            return found if found.get("allowOrigins") else {}
    return {}

"""Reads template.yaml for the local system: transformed by SAM's own translator, intrinsics resolved."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.account import ACCOUNT, REGION
from local.api_gateway.transformed import read_transformed

PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "callwatch-local",
}

_QUEUE_ATTRIBUTES = frozenset(
    {
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "MaximumMessageSize",
        "DelaySeconds",
        "ReceiveMessageWaitTimeSeconds",
        "RedrivePolicy",
    }
)


# Variables that set a parameter, because the template uses it for more than a function's environment.
_PARAMETERS = {"CORS_ORIGINS": "CorsOrigins", "PARALLEL_DIGEST": "ParallelDigest"}


class TemplateError(Exception):
    """The template needs something that the local system does not support; the text is one line."""


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function: its handler, timeout, memory and concurrency."""

    name: str
    handler: str
    code: Path
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    most_at_once: int | None


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API; rates are requests per second."""

    method: str
    path: str
    function: str
    authorizer: str | None
    rate: float
    burst: float

    @property
    def key(self) -> str:
        """Return the name in API Gateway's form, such as "GET /api/errors/{id}"."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue whose messages invoke a function: batches of `batch_size`, gathered for `window_s`, `most_at_once` at a time."""

    queue: str
    function: str
    batch_size: int
    window_s: float = 0.0
    most_at_once: int = 1


@dataclass(frozen=True)
class Template:
    """What the local system starts, runs and serves."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    queues: Mapping[str, Mapping[str, str]]
    schedules: tuple[str, ...]
    event_sources: tuple[EventSource, ...]
    cors: Mapping[str, Any] = field(default_factory=dict)


def load(path: Path, values: Mapping[str, str], queue_urls: Mapping[str, str]) -> Template:
    """Read a template.

    values: local values of variables; a function gets those that its environment names.
    queue_urls: addresses of the queues by logical id.
    """
    plain = read_transformed(path, {name: values[variable] for variable, name in _PARAMETERS.items() if values.get(variable)})
    resources = plain.resources
    resolve = _Resolver(plain.parameters, plain.conditions, resources, queue_urls).resolve
    functions = {
        name: _parse_function(
            name, resolve(resource["Properties"]), path.parent / plain.code[name], _choose_role(resource["Properties"], values)
        )
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    return Template(
        functions=functions,
        routes=_parse_routes(resources, resolve, functions),
        queues=_parse_queues(resources, resolve),
        schedules=_parse_schedules(resources, functions),
        event_sources=_parse_event_sources(resources, resolve, functions),
        cors=_parse_cors(resources, resolve),
    )


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
        """Return the value with every intrinsic replaced; AWS::NoValue removes its key."""
        if isinstance(value, list):
            return [found for item in value if (found := self.resolve(item)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._resolve_intrinsic(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None or value[key] is None}

    def _resolve_intrinsic(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._resolve_ref(argument)
        if name == "Condition":
            return self.resolve(self._conditions[argument])
        if name == "GetAtt":
            target, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
            return self._resolve_attribute(target, attribute)
        if name == "Sub":
            return re.sub(r"\$\{([^!}]+)\}", lambda match: str(self._resolve_named(match[1])), argument)
        if name == "If":
            condition, then, otherwise = argument
            return self.resolve(then if self.resolve(self._conditions[condition]) else otherwise)
        operands = self.resolve(argument)
        if name == "Equals":
            # Compare as text, as CloudFormation does even with numbers.
            return str(operands[0]) == str(operands[1])
        if name in ("And", "Or"):
            return all(operands) if name == "And" else any(operands)
        if name == "Not":
            return not operands[0]
        if name == "Join":
            # A parameter of the type CommaDelimitedList is one text here.
            items = operands[1].split(",") if isinstance(operands[1], str) else operands[1]
            return operands[0].join(str(item) for item in items)
        raise TemplateError(f"the intrinsic {name} is not known locally")

    def _resolve_named(self, name: str) -> Any:
        target, dot, attribute = name.partition(".")
        return self._resolve_attribute(target, attribute) if dot else self._resolve_ref(name)

    def _resolve_ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        if name in self._queue_urls:
            return self._queue_urls[name]
        # Secrets and topics do not exist here: their variables come from the environment, or are empty.
        return ""

    def _resolve_attribute(self, target: str, attribute: str) -> str:
        kind = self._resources.get(target, {}).get("Type", "")
        if kind == "AWS::SQS::Queue" and attribute == "Arn":
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{target}"
        return ""


def _choose_role(properties: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values for a function: its DATABASE_URL is that of the role whose secret the template names."""
    named = json.dumps(properties.get("Environment", {}).get("Variables", {}).get("DATABASE_URL", ""))
    for secret, variable in (("ReaderSecret", "READER_DATABASE_URL"), ("WriterSecret", "WRITER_DATABASE_URL")):
        if secret in named and values.get(variable):
            return {**values, "DATABASE_URL": values[variable]}
    return values


def _parse_function(name: str, properties: dict[str, Any], code: Path, values: Mapping[str, str]) -> Function:
    given = properties.get("Environment", {}).get("Variables", {})
    environment = {key: values.get(key, _get_local_value(key, str(value))) for key, value in given.items()}
    # Deployed, a parameter names the commit: a variable would change each function with every commit.
    environment |= {key: values[key] for key in ("COMMIT_SHA",) if values.get(key)}
    return Function(
        name=name,
        handler=properties["Handler"],
        code=code,
        timeout_s=float(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        environment=environment,
        most_at_once=properties.get("ReservedConcurrentExecutions"),
    )


def _get_local_value(name: str, value: str) -> str:
    """Return the template's default; a reference to AWS (secret, parameter) is empty here."""
    return "" if name.endswith("_PARAMETER") or value.startswith("ssm:") or re.fullmatch(r":\w+::", value) else value


def _parse_routes(resources: Mapping[str, Any], resolve: Any, functions: Mapping[str, Function]) -> tuple[Route, ...]:
    routes = []
    for resource in resources.values():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        body = resource["Properties"]["Body"]
        stage = next(item for item in resources.values() if item["Type"] == "AWS::ApiGatewayV2::Stage")
        settings = resolve(stage["Properties"])
        authorizers = _parse_authorizers(body, functions)
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                key = f"{method.upper()} {path}"
                limits = settings.get("DefaultRouteSettings", {}) | settings.get("RouteSettings", {}).get(key, {})
                security = [name for entry in operation.get("security", []) for name in entry]
                routes.append(
                    Route(
                        method=method.upper(),
                        path=path,
                        function=_find_function(operation["x-amazon-apigateway-integration"]["uri"], functions),
                        authorizer=next((authorizers[name] for name in security if name in authorizers), None),
                        rate=float(limits.get("ThrottlingRateLimit", 10_000)),
                        burst=float(limits.get("ThrottlingBurstLimit", 5_000)),
                    )
                )
    return tuple(routes)


def _parse_authorizers(body: Mapping[str, Any], functions: Mapping[str, Function]) -> dict[str, str]:
    schemes = body.get("components", {}).get("securitySchemes", {})
    return {
        name: _find_function(scheme["x-amazon-apigateway-authorizer"]["authorizerUri"], functions)
        for name, scheme in schemes.items()
    }


def _find_function(value: Any, functions: Mapping[str, Function]) -> str:
    """Return the function that an ARN built of intrinsics names, itself or by its alias."""
    text = json.dumps(value)
    # SAM calls the alias "live" of a function: <function>Aliaslive. Locally there is one version, the code that is there.
    found = [name for name in functions if re.search(rf"\b{name}(Alias[a-z]\w*)?\b", text)]
    if len(found) != 1:
        raise TemplateError(f"no single function is named by {text}")
    return found[0]


def _parse_queues(resources: Mapping[str, Any], resolve: Any) -> dict[str, dict[str, str]]:
    queues = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::SQS::Queue":
            continue
        given = resolve(resource.get("Properties", {}))
        attributes = {
            key: json.dumps(value) if isinstance(value, dict) else str(value)
            for key, value in given.items()
            if key in _QUEUE_ATTRIBUTES
        }
        queues[name] = attributes
    return queues


def _parse_schedules(resources: Mapping[str, Any], functions: Mapping[str, Function]) -> tuple[str, ...]:
    return tuple(
        _find_function(resource["Properties"]["Target"]["Arn"], functions)
        for resource in resources.values()
        if resource["Type"] == "AWS::Scheduler::Schedule"
    )


def _parse_event_sources(
    resources: Mapping[str, Any], resolve: Any, functions: Mapping[str, Function]
) -> tuple[EventSource, ...]:
    queues = [name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue"]
    sources = []
    for resource in resources.values():
        if resource["Type"] != "AWS::Lambda::EventSourceMapping" or not _is_made(resource, resolve):
            continue
        arn = json.dumps(resource["Properties"]["EventSourceArn"])
        properties = resolve(resource["Properties"])
        sources.append(
            EventSource(
                queue=next(name for name in queues if re.search(rf"\b{name}\b", arn)),
                function=_find_function(resource["Properties"]["FunctionName"], functions),
                batch_size=int(properties.get("BatchSize", 10)),
                window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
                most_at_once=int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", 1)),
            )
        )
    return tuple(sources)


def _is_made(resource: Mapping[str, Any], resolve: Any) -> bool:
    return "Condition" not in resource or bool(resolve({"Condition": resource["Condition"]}))


def _parse_cors(resources: Mapping[str, Any], resolve: Any) -> dict[str, Any]:
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            found: dict[str, Any] = resolve(resource["Properties"]["Body"].get("x-amazon-apigateway-cors", {})) or {}
            origins = found.get("allowOrigins")
            if isinstance(origins, str):
                found["allowOrigins"] = [origin for origin in origins.split(",") if origin]
            return found if found.get("allowOrigins") else {}
    return {}

"""MiniStack as the cloud of the tests: the real bundle, deployed by `sam deploy` and `make deploy`, with running functions.

It does not implement, and so proves nothing about: the Body of an HTTP API (its routes are created here, from the same
transformed template), throttling, the VPC, RDS. It does enforce the policies of roles and queues (AUTH=true); because
those reject plain HTTP, it serves TLS.
"""

import ipaddress
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from local.processes import find_free_port
from tests.deploy.template import ROOT, as_list, transformed

STAGE = "staging"
STACK = "callwatch-staging"
_START_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP response; the body is JSON if it parses as JSON."""

    status: int
    body: Any
    headers: dict[str, str]


class Cloud:
    """A running MiniStack: an endpoint for clients, and the calls that tests make."""

    def __init__(self, folder: Path) -> None:
        self.port = find_free_port()
        self.endpoint = f"https://127.0.0.1:{self.port}"
        self.certificate = write_certificate(folder)
        self.log = folder / "ministack.log"
        environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environ |= {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "AUTH": "true", "USE_SSL": "1"}
        environ |= {"MINISTACK_SSL_CERT": str(self.certificate), "MINISTACK_SSL_KEY": str(folder / "key.pem")}
        environ |= {"TMPDIR": tempfile.mkdtemp(dir=folder), **self.credentials(), **self.trust()}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(ROOT / ".venv-ministack/bin/ministack")],
                cwd=folder,
                env=environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    @staticmethod
    def credentials() -> dict[str, str]:
        """Return those of the root account; functions get those of their roles."""
        return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

    def trust(self) -> dict[str, str]:
        """Return the variables with which programs trust this cloud's certificate."""
        return dict.fromkeys(("AWS_CA_BUNDLE", "SSL_CERT_FILE"), str(self.certificate))

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            try:
                fetch(f"{self.endpoint}/_ministack/health", "GET", None, {}, self.certificate)
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()[-2000:]
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """End it with all functions that it started."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)

    def client(self, service: str) -> Any:
        """Return a client as the root account."""
        make: Any = boto3.client
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return make(service, endpoint_url=self.endpoint, verify=str(self.certificate), **keys)

    def environ(self) -> dict[str, str]:
        """Return the environment of a person's shell that uses this cloud."""
        found = {**os.environ, **self.credentials(), **self.trust(), "AWS_ENDPOINT_URL": self.endpoint}
        # SAM leaves an empty folder behind for everything that it packs.
        found |= {"SAM_CLI_TELEMETRY": "0", "COLUMNS": "200", "TMPDIR": tempfile.mkdtemp(dir=self.log.parent)}
        # Functions run under MiniStack's own interpreter, so the layer is built for that one; its makefile calls python3.
        found |= {"LAYER_TARGET": "host", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return found

    def sam(self, clone: Path, *arguments: str) -> str:
        """Run one of SAM's commands in a clone; return its output."""
        done = self.try_sam(clone, *arguments)
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n== ministack\n{self.log.read_text()[-3000:]}"
        return done.stdout

    def try_sam(self, clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the same, whatever its result."""
        return subprocess.run(
            [sys.executable, "-m", "samcli", *arguments],
            cwd=clone,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def sam_deploy(self, clone: Path, database_secret: str, *more: str) -> str:
        """Run plain `sam deploy` of a built clone. The made network and database are what MiniStack cannot create."""
        return self.sam(clone, *list_deploy_arguments(database_secret, *more))

    def deploy(self, template: Path, *arguments: str) -> str:
        """Run `make deploy` to this cloud; return its output."""
        done = self.try_deploy(template, *arguments)
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n== ministack\n{self.log.read_text()[-3000:]}"
        return done.stdout

    def try_deploy(self, template: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the same, whatever its result."""
        command = [sys.executable, "-m", "deploy.deploy", "--stage", STAGE, "--template", str(template), "--skip-smoke"]
        return subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env={**self.environ(), "PYTHONPATH": "shared:."},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource of the stack."""
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, logical_id: str, event: dict[str, Any]) -> Any:
        """Return a function's response to an event; fail if it raised."""
        name = self.resource(logical_id)
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def admit_batches(self) -> None:
        """Allow each role that may send or delete a message the batch call, too: AWS checks the same action for both."""
        iam = self.client("iam")
        for role in [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith(STACK)]:
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    actions = as_list(statement["Action"])
                    batches = [f"{action}Batch" for action in actions if action in ("sqs:SendMessage", "sqs:DeleteMessage")]
                    statement["Action"] = actions + batches
                iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

    def make_routes(self) -> None:
        """Create the routes and the authorizer that the API's Body describes, one by one."""
        api, functions = self.resource("Api"), transformed()["Resources"]
        gateway, arns = self.client("apigatewayv2"), {}
        body = functions["Api"]["Properties"]["Body"]

        def arn_in(value: Any) -> str:
            """Return the ARN of the one alias or function that a value names."""
            names = set(re.findall(r"\w+", json.dumps(value)))
            kinds = {name: functions[name]["Type"] for name in names if name in functions}
            (name,) = (name for name, kind in kinds.items() if kind in ("AWS::Lambda::Function", "AWS::Lambda::Alias"))
            if name not in arns:
                arns[name] = self.resource(name)
                if kinds[name] == "AWS::Lambda::Function":
                    described = self.client("lambda").get_function_configuration(FunctionName=arns[name])
                    arns[name] = str(described["FunctionArn"])
            return arns[name]

        (scheme,) = body["components"]["securitySchemes"].values()
        details = scheme["x-amazon-apigateway-authorizer"]
        authorizer = gateway.create_authorizer(
            ApiId=api,
            AuthorizerType="REQUEST",
            Name="Caller",
            IdentitySource=[],
            AuthorizerUri=_invocation_uri(arn_in(details["authorizerUri"])),
            AuthorizerPayloadFormatVersion=details["authorizerPayloadFormatVersion"],
            EnableSimpleResponses=details["enableSimpleResponses"],
            AuthorizerResultTtlInSeconds=details.get("authorizerResultTtlInSeconds", 0),
        )["AuthorizerId"]
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                described = operation["x-amazon-apigateway-integration"]
                integration = gateway.create_integration(
                    ApiId=api,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=arn_in(described["uri"]),
                    PayloadFormatVersion=described["payloadFormatVersion"],
                )["IntegrationId"]
                named = {name for entry in operation.get("security", []) for name in entry} - {"NONE"}
                guard = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer} if named else {}
                key = f"{method.upper()} {path}"
                gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}", **guard)

    def call(self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str) -> Answered:
        """Send one request to the deployed API, at its own host name."""
        given = {"host": f"{self.resource('Api')}.execute-api.localhost:{self.port}", **headers}
        if token:
            given["authorization"] = f"Bearer {token}"
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if raw is not None:
            given.setdefault("content-type", "application/json")
        return fetch(self.endpoint + path, method, raw, given, self.certificate)


def list_deploy_arguments(database_secret: str, *more: str) -> list[str]:
    """Return the arguments of a plain `sam deploy` of the tests' stage."""
    parameters = [f"Stage={STAGE}", f"DatabaseUrlSecretArn={database_secret}", *more]
    return ["deploy", "--config-env", STAGE, "--parameter-overrides", *parameters]


def _invocation_uri(arn: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def write_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for this machine, with its key next to it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "callwatch tests")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(private)
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


def fetch(url: str, method: str, body: bytes | None, headers: dict[str, str], certificate: Path | None = None) -> Answered:
    """Send one request; an error status is a response, too."""
    status, content, lower = fetch_raw(url, method, body, headers, certificate)
    is_json = "json" in lower.get("content-type", "") or content[:1] == b"{"
    return Answered(status, json.loads(content) if is_json and content else content.decode(errors="replace"), lower)


def fetch_raw(
    url: str, method: str, body: bytes | None, headers: dict[str, str], certificate: Path | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Send one request; return status, body and headers in lower case."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    context = ssl.create_default_context(cafile=str(certificate)) if certificate else None
    try:
        with urllib.request.urlopen(request, timeout=40, context=context) as answer:
            status, content, found = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, content, found = error.code, error.read(), error.headers
    return status, content, {name.lower(): value for name, value in found.items()}

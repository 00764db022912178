"""The built bundle, and a cloud that it was deployed to, once for all tests of a deployment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from tests.conftest import dsn_of
from tests.deploy.ministack import Cloud
from tests.deploy.template import ROOT


def sam_build(folder: Path, target: str, architecture: str = "arm64") -> Path:
    """`sam build` into a folder; target `lambda` for the functions' runtime, `host` for this interpreter."""
    command = [sys.executable, "-m", "samcli", "build", "--build-dir", str(folder / "build")]
    command += ["--cache-dir", str(folder / "cache"), "--no-cached"]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    environ = {**os.environ, "ARCHITECTURE": architecture, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    environ |= {"BUILD_PYTHON": sys.executable, "LAYER_TARGET": target}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "build"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The system as `make deploy` left it: where, with which database, and what was printed."""

    cloud: Cloud
    template: Path
    database_url: str
    secret_arn: str
    first_output: str

    def secrets(self) -> dict[str, str]:
        """What `make deploy` put into the stack's secrets, by variable."""
        client = self.cloud.client("secretsmanager")
        found: dict[str, str] = {}
        for name in ("AccessSecret", "IngestSecret", "VendorSecret", "ChannelSecret"):
            found |= json.loads(client.get_secret_value(SecretId=self.cloud.resource(name))["SecretString"])
        return found

    def token(self, variable: str) -> str:
        """The token behind a variable, without its name or project."""
        return self.secrets()[variable].rpartition(":")[2]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Deployed]:
    """The real template in MiniStack, its functions against a real PostgreSQL."""
    folder = tmp_path_factory.mktemp("cloud")
    template = sam_build(folder, "host") / "template.yaml"
    name = f"callwatch_cloud_{os.getpid()}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    cloud = Cloud(folder)
    try:
        url = dsn_of(postgres_server, name)
        secret = cloud.client("secretsmanager").create_secret(Name="callwatch-database", SecretString=url)["ARN"]
        output = cloud.deploy(template, "--parameter", f"DatabaseUrlSecretArn={secret}")
        cloud.make_routes()
        cloud.admit_batches()
        yield Deployed(cloud, template, url, secret, output)
    finally:
        cloud.stop()
        _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    conn = psycopg2.connect(server)
    conn.autocommit = True
    try:
        conn.cursor().execute(statement)
    finally:
        conn.close()

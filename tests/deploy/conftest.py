"""The built bundle, and one cloud that it is deployed to for all deployment tests."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from callwatch.db import ROLES, name_role
from tests.conftest import build_dsn
from tests.deploy.ministack import Cloud
from tests.deploy.template import ROOT


def sam_build(folder: Path, target: str, architecture: str = "arm64", part: str = "") -> Path:
    """Run `sam build` into a folder, of everything or of one part by its logical id.

    target: `lambda` for the functions' runtime, `host` for this interpreter.
    """
    command = [sys.executable, "-m", "samcli", "build", *filter(None, [part]), "--build-dir", str(folder / "build")]
    command += ["--cache-dir", str(folder / "cache"), "--no-cached"]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    environ = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    # Plain SAM has only the parameter.
    environ.pop("ARCHITECTURE", None)
    environ |= {"BUILD_PYTHON": sys.executable, "LAYER_TARGET": target}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "build"


def copy_checkout(folder: Path) -> Path:
    """Copy what a clone of this checkout would hold, changes that are not committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        # A link would lead back here: dashboard/node_modules may be one.
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@dataclass(frozen=True, slots=True)
class Deployed:
    """The system after a plain `sam build` and `sam deploy` in a fresh clone: its parts, and the deployment's output."""

    cloud: Cloud
    clone: Path
    database_url: str
    secret_arn: str
    first_output: str

    @property
    def template(self) -> Path:
        """The built template."""
        return self.clone / ".aws-sam" / "build" / "template.yaml"

    def secrets(self) -> dict[str, str]:
        """Return what the stack's secrets hold, by variable."""
        client = self.cloud.client("secretsmanager")
        found: dict[str, str] = {}
        for name in ("AccessSecret", "IngestSecret", "VendorSecret", "ChannelSecret"):
            found |= json.loads(client.get_secret_value(SecretId=self.cloud.resource(name))["SecretString"])
        return found

    def token(self, variable: str) -> str:
        """Return the token of a variable, without its name or project."""
        return self.secrets()[variable].rpartition(":")[2]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Deployed]:
    """Deploy the real template to MiniStack as a newcomer does, with a real PostgreSQL."""
    folder = tmp_path_factory.mktemp("cloud")
    clone = copy_checkout(folder / "clone")
    name = f"callwatch_cloud_{os.getpid()}"
    administer(postgres_server, f"CREATE DATABASE {name}")
    cloud = Cloud(folder)
    try:
        url = build_dsn(postgres_server, name)
        secret = cloud.client("secretsmanager").create_secret(Name="callwatch-database", SecretString=url)["ARN"]
        cloud.sam(clone, "build")
        output = cloud.sam_deploy(clone, secret)
        cloud.make_routes()
        cloud.admit_batches()
        yield Deployed(cloud, clone, url, secret, output)
    finally:
        cloud.stop()
        administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
        for role in ROLES:
            administer(postgres_server, f"DROP ROLE IF EXISTS {name_role(name, role)}")


def administer(server: str, statement: str) -> None:
    """Run one statement outside of a transaction."""
    conn = psycopg2.connect(server)
    conn.autocommit = True
    try:
        conn.cursor().execute(statement)
    finally:
        conn.close()

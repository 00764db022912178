"""Functions in containers of `sam local`, with a PostgreSQL and a queue that those can reach. Needs a Docker engine."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from local.postgres import server as postgres
from local.processes import find_free_port
from local.sqs.server import ACCESS_KEY_VARIABLE
from tests.conftest import FAST
from tests.deploy.conftest import sam_build
from tests.deploy.template import ROOT

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_START_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class SamLocal:
    """`sam local` on a bundle built for this machine's processor, with its own environment file."""

    template: Path
    options: tuple[str, ...]

    def command(self, verb: str, *arguments: str) -> list[str]:
        """Return the command line of `sam local <verb>`."""
        command = [sys.executable, "-m", "samcli", "local", verb, *arguments, "--template", str(self.template)]
        return [*command, "--config-file", str(ROOT / "samconfig.toml"), *self.options]

    def invoke(self, function: str, event: str) -> dict[str, object]:
        """Return a function's response to an event of events/."""
        command = self.command("invoke", function, "--event", str(ROOT / "events" / event))
        done = subprocess.run(command, cwd=ROOT, env=sam_environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
        return answer


@pytest.fixture(scope="session")
def sam_local(tmp_path_factory: pytest.TempPathFactory, short_folder: Path) -> Iterator[SamLocal]:
    gateway = _address_for_containers()
    folder = tmp_path_factory.mktemp("sam-local")
    architecture = _ARCHITECTURES[platform.machine().lower()]
    database = postgres.start(short_folder / "docker", {**FAST, "listen_addresses": f"127.0.0.1,{gateway}"})
    queue_port = find_free_port(20_000)
    queue = _start_queue(folder, gateway, queue_port)
    try:
        _admit_containers(database)
        url = database.dsn.replace("127.0.0.1", "host.docker.internal")
        environ = _environment_file(folder, url, f"http://host.docker.internal:{queue_port}")
        options = ["--env-vars", str(environ), "--parameter-overrides", f"Architecture={architecture}"]
        if os.environ.get("SKIP_PULL_IMAGE"):
            options.append("--skip-pull-image")
        yield SamLocal(sam_build(folder, "lambda", architecture) / "template.yaml", tuple(options))
    finally:
        queue.terminate()
        queue.wait(10)
        database.stop()
        shutil.rmtree(database.home, ignore_errors=True)


def sam_environ() -> dict[str, str]:
    """Return the environment of SAM's commands."""
    return {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "BUILD_PYTHON": sys.executable}


def _address_for_containers() -> str:
    """Return the address of this machine that containers reach as host.docker.internal.

    The bridge's gateway if the engine runs on this machine; loopback if it runs in a virtual machine, as with
    Docker Desktop, which forwards to it.
    """
    command = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError:
        pytest.fail("these tests need Docker: the command `docker` and an engine that runs")
    if done.returncode != 0:
        pytest.fail(f"these tests need a Docker engine that runs: {done.stderr.strip()}")
    gateway = done.stdout.strip() or "172.17.0.1"
    with socket.socket() as probe:
        try:
            probe.bind((gateway, 0))
        except OSError:
            return "127.0.0.1"
    return gateway


def _admit_containers(database: postgres.RunningPostgres) -> None:
    """Allow connections from other addresses, with a password: the server listens on the containers' bridge only."""
    with (database.home / "cluster" / "pg_hba.conf").open("a") as file:
        file.write("host all all 0.0.0.0/0 scram-sha-256\n")
    conn = psycopg2.connect(database.dsn)
    try:
        conn.cursor().execute("SELECT pg_reload_conf()")
    finally:
        conn.close()


def _start_queue(folder: Path, host: str, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "local.sqs.server", "--data-dir", str(folder / "queue"), "--host", host, "--port", str(port)]
    # SAM passes the access key of its own environment to the containers.
    environ = {**os.environ, ACCESS_KEY_VARIABLE: os.environ.get("AWS_ACCESS_KEY_ID", "defaultkey")}
    process = subprocess.Popen([*command, "--template", str(ROOT / "template.yaml")], cwd=ROOT, env=environ)
    wait_for(f"http://{host}:{port}", process)
    return process


def _environment_file(folder: Path, database_url: str, queue: str) -> Path:
    """Write events/env/docker.json with the addresses of this run."""
    values = json.loads((ROOT / "events" / "env" / "docker.json").read_text())["Parameters"]
    values |= {"DATABASE_URL": database_url, "PRODUCT_DATABASE_URL": database_url}
    for name, value in values.items():
        if name.endswith("_QUEUE_URL"):
            values[name] = f"{queue}/{value.partition('//')[2].partition('/')[2]}"
    path = folder / "env.json"
    path.write_text(json.dumps({"Parameters": values}))
    return path


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server of a process gives any response."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        assert process.poll() is None, f"the server of {url} ended at its start"
        assert time.monotonic() < deadline, f"{url} does not answer"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)

"""From a fresh clone to a page that shows data: plain `sam build` and `sam deploy`, and the token that the output names."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.deploy.conftest import Deployed
from tests.deploy.edge import serve_edge
from tests.support.chromium import open_chromium

# Builds and deployments are slow on a busy machine.
pytestmark = pytest.mark.timeout(600)
# The only command of AWS's own CLI that the output names; with the shell's credentials and endpoint.
AWS = """#!{python}
import sys, boto3
words = sys.argv[1:]
assert words[:2] == ["secretsmanager", "get-secret-value"], words
given = dict(zip(words[2::2], words[3::2]))
assert (given["--query"], given["--output"]) == ("SecretString", "text"), given
client = boto3.client("secretsmanager", region_name=given["--region"])
print(client.get_secret_value(SecretId=given["--secret-id"])["SecretString"])
"""


def run_output(deployed: Deployed, name: str, folder: Path) -> str:
    """Run the command of an output in a shell whose `aws` is a program of the test; return what it prints."""
    program = folder / "aws"
    program.write_text(AWS.format(python=sys.executable))
    program.chmod(0o755)
    environ = deployed.cloud.environ()
    environ["PATH"] = f"{folder}:{environ['PATH']}"
    command = deployed.cloud.outputs()[name]
    done = subprocess.run(["sh", "-c", command], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_output_names_the_dashboard_and_the_token(deployed: Deployed, tmp_path: Path) -> None:
    assert re.search(r"Successfully created/updated stack", deployed.first_output)
    shown = re.sub(r"\s+", " ", deployed.first_output)
    assert "DashboardUrl" in shown
    assert "AdminTokenCommand" in shown
    assert deployed.cloud.outputs()["DashboardUrl"].endswith("/admin/operations")
    token = run_output(deployed, "AdminTokenCommand", tmp_path)
    assert token == deployed.token("ADMIN_SECRET")
    assert len(token) >= 40
    assert token not in deployed.first_output


def test_page_shows_data_with_the_token_of_the_output(deployed: Deployed, tmp_path: Path) -> None:
    cloud, token = deployed.cloud, run_output(deployed, "AdminTokenCommand", tmp_path)
    error = {"message": "shown on the deployed page", "severity": "critical"}
    assert cloud.call("POST", "/api/errors", deployed.token("INGEST_KEYS"), error).status == 202
    deadline = time.monotonic() + 90
    while not cloud.call("GET", "/api/errors", token).body["items"]:
        assert time.monotonic() < deadline, "the error was not digested"
        time.sleep(0.5)
    # Closed at once: tests of the page may follow in this process, with a browser of their own.
    with serve_edge(cloud) as url, open_chromium() as chromium:
        page = chromium.new_page()
        page.goto(f"{url}/admin/operations")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        # Folded lists name the error, too, and may stand above the visible one.
        expect(page.get_by_text(error["message"]).filter(visible=True).first).to_be_visible()
        page.close()

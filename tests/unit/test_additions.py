"""Each addition of README's table works in a copy of the project with exactly the files that the table names."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "shared/callwatch"
CHANNELS = f"{PACKAGE}/alerts/notifications/channels"
COPIED = (PACKAGE, "functions", "events", "docs/runbooks", "template.yaml")

CHECK = '''"""A service that always responds."""

from callwatch.checks.probe_result import ProbeResult
from callwatch.settings import Settings


def check(_settings: Settings, _timeout_s: float) -> ProbeResult:
    """Healthy, after 1 ms."""
    return ProbeResult("healthy", None, 1.0)
'''
CHANNEL = '''"""A channel that posts to a pager."""

from callwatch.alerts.notifications.notification import Notification
from callwatch.settings import Settings


def is_configured(settings: Settings) -> bool:
    """Whether there is a key."""
    return bool(settings.pager_key)


def send(_notification: Notification, _message_id: str, _settings: Settings, _timeout_s: float) -> None:
    """Accept every notification."""
'''
RULE = """    AlertRule(
        "disk_usage", "Disk usage", Level.WARNING, (To.LOG,), (Condition("runtime.memory_percent", ">", 90),),
        cooldown_minutes=20, hint="A disk is almost full",
    ),
)  # fmt: skip

RULES:"""
STAGE = {
    "name": "summaries",
    "table": "call_summaries",
    "waiting_since": "created_at",
    "pending": [["status", "=", "pending"]],
    "done": {"where": [["status", "=", "done"]], "at": "done_at"},
    "duration": {"where": [["status", "=", "done"]], "start": "created_at", "end": "done_at"},
}
FUNCTION = '''"""GET /api/ping: responds to a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_PING
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.ping import Ping


def handle(_request: Request) -> Ping:
    """A constant."""
    return {"pong": "yes"}


lambda_handler = endpoint(GET_PING)(handle)
'''
SHAPE = '''"""GET /api/ping."""

from typing import TypedDict


class Ping(TypedDict):
    """A response to a viewer."""

    pong: str
'''
RESOURCE = """  GetPing:
    Type: AWS::Serverless::Function
    Metadata:
      SkipBuild: true
    Properties:
      Description: Responds to a viewer.
      Handler: get_ping.lambda_handler
      CodeUri: functions/
      Events:
        Api:
          Type: HttpApi
          Properties:
            ApiId: !Ref Api
            Method: GET
            Path: /api/ping

  GetUptime:
"""
SECRET = '          SLACK_ALERT_WEBHOOK: !Sub "${ChannelSecret.Id}:SLACK_ALERT_WEBHOOK::"\n'


class Copy:
    """A copy of the project; it records which files a test adds or changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changed: set[str] = set()
        for name in COPIED:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def add(self, name: str, text: str) -> None:
        assert not (self.folder / name).exists()
        (self.folder / name).write_text(text)
        self.changed.add(name)

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))
        self.changed.add(name)

    def run(self, script: str, **environment: str) -> str:
        """The last line that a script prints; it imports the copy."""
        paths = os.pathsep.join(str(path) for path in (self.folder / "shared", self.folder / "functions", ROOT))
        known = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, env={**known, **environment}, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def list_named(addition: str) -> set[str]:
    """The files and folders that README's table names for an addition, the reader's own files left out."""
    (row,) = re.findall(rf"^\| {addition} \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    found = {name for name in re.findall(r"`([^`]+)`", row) if "/" in name or "." in name}
    return {f"{CHANNELS}/{name}" if name == "__init__.py" else name for name in found}


def assert_as_named(addition: str, changed: set[str]) -> None:
    """Every changed file is named, by itself or by its folder, and every name was needed."""
    named = list_named(addition)
    folders = {name for name in named if name.endswith("/")}
    unnamed = {name for name in changed if name not in named and not any(name.startswith(folder) for folder in folders)}
    unused = {name for name in named if not any(each == name or each.startswith(name) for each in changed)}
    assert (unnamed, unused) == (set(), set())


def test_check_is_added_by_the_named_files(copy: Copy) -> None:
    copy.add(f"{PACKAGE}/checks/example.py", CHECK)
    registry = f"{PACKAGE}/checks/registry.py"
    copy.replace(registry, "import convoso,", "import convoso, example,")
    copy.replace(registry, "BUILT_IN: dict[str, Check] = {\n", 'BUILT_IN: dict[str, Check] = {\n    "example": example.check,\n')
    script = (
        "from callwatch.checks.run import run_checks\nfrom callwatch.settings import Settings\n"
        "print(run_checks(Settings(), 3)['example'].status)"
    )
    assert copy.run(script) == "healthy"
    assert_as_named("a check", copy.changed)


def test_channel_is_added_by_the_named_files(copy: Copy) -> None:
    settings = f"{PACKAGE}/settings/declared/channels.py"
    copy.add(f"{CHANNELS}/pager.py", CHANNEL)
    copy.replace(f"{CHANNELS}/__init__.py", "    pagerduty,\n", "    pager,\n    pagerduty,\n")
    copy.replace(f"{CHANNELS}/__init__.py", '    "sns": sns,\n', '    "sns": sns,\n    "pager": pager,\n')
    copy.replace(f"{PACKAGE}/models/alert.py", '    SNS = "sns"\n', '    SNS = "sns"\n    PAGER = "pager"\n')
    declared = '    pager_key: str | None = declare(parse_key, "Key of the pager.", is_secret=True, affects="channel.pager")\n'
    copy.replace(settings, "    pagerduty_routing_key: str", f"{declared}    pagerduty_routing_key: str")
    copy.replace("template.yaml", SECRET, SECRET + SECRET.replace("SLACK_ALERT_WEBHOOK", "PAGER_KEY"))
    script = (
        "import os\nfrom pathlib import Path\n"
        "from callwatch.alerts.notifications.channels import list_channels, find_sender\n"
        "from callwatch.alerts.rules.rule import AlertRule, Condition\n"
        "from callwatch.models.alert import AlertChannel, AlertLevel\n"
        "from callwatch.settings import load_settings\nfrom local.api_gateway.template import load\n"
        "rule = AlertRule('x', 'X', AlertLevel.INFO, (AlertChannel.PAGER,), (Condition('errors.last_hour', '>', 1),))\n"
        "functions = load(Path('template.yaml'), {'PAGER_KEY': 'k' * 40}, {}).functions\n"
        "print(list_channels(rule, load_settings(os.environ)), list_channels(rule, load_settings({})),\n"
        "      callable(find_sender('pager')), functions['RunMonitor'].environment['PAGER_KEY'] == 'k' * 40)"
    )
    assert copy.run(script, PAGER_KEY="k" * 40) == "['pager'] [] True True"
    assert_as_named("a channel", copy.changed)


def test_rule_is_added_by_the_named_files(copy: Copy) -> None:
    builtin = f"{PACKAGE}/alerts/rules/builtin/__init__.py"
    copy.replace(builtin, ")  # fmt: skip\n\nRULES:", RULE)
    copy.add("docs/runbooks/disk_usage.md", "# Disk usage\n")
    script = (
        "from pathlib import Path\nfrom callwatch.alerts.rules.builtin import RULES\n"
        "from callwatch.alerts.rules.manager import alert_manager\nfrom callwatch.settings import Settings\n"
        "missing = [rule.id for rule in RULES if not Path('docs/runbooks', rule.id + '.md').is_file()]\n"
        "print([rule.id for rule in alert_manager.list_rules(Settings()) if rule.id == 'disk_usage'], missing)"
    )
    assert copy.run(script) == "['disk_usage'] []"
    assert_as_named("a rule", copy.changed)


def test_stage_is_added_by_the_named_file(copy: Copy) -> None:
    name = f"{PACKAGE}/pipeline/stages/call_product.json"
    copy.replace(name, '  "stages": [\n', f'  "stages": [\n{json.dumps(STAGE)},\n')
    script = (
        "from callwatch.pipeline.product import build_all_readings\nfrom callwatch.pipeline.stage_file import get_stages\n"
        "stages = get_stages(None)\n"
        "print(stages.stages[0].name, any('call_summaries' in repr(reading) for reading in build_all_readings(stages)))"
    )
    assert copy.run(script) == "summaries True"
    assert_as_named("a stage", copy.changed)


def test_endpoint_is_added_by_the_named_files(copy: Copy) -> None:
    copy.add("functions/get_ping.py", FUNCTION)
    copy.replace("template.yaml", "  GetUptime:\n", RESOURCE)
    event = (ROOT / "events" / "get_uptime.json").read_text().replace("/api/uptime", "/api/ping")
    copy.add("events/get_ping.json", event)
    copy.add(f"{PACKAGE}/models/shapes/ping.py", SHAPE)
    routes = f"{PACKAGE}/api/routes.py"
    row = 'GET_PING: Route[None, Ping] = Route("GET", "/api/ping", "viewer", "Responds")\n'
    copy.replace(routes, "GET_UPTIME:", f"{row}GET_UPTIME:")
    imported = "    from callwatch.models.shapes.pipeline import CronPage, Pipeline\n"
    copy.replace(routes, imported, f"    from callwatch.models.shapes.ping import Ping\n{imported}")
    script = (
        "import json\nfrom pathlib import Path\nfrom types import SimpleNamespace\nimport get_ping\n"
        "from tools.openapi import build_document\nfrom local.api_gateway.template import load\n"
        "routes = [route.function for route in load(Path('template.yaml'), {}, {}).routes if route.path == '/api/ping']\n"
        "event = json.loads(Path('events/get_ping.json').read_text())\n"
        "context = SimpleNamespace(aws_request_id='1', function_name='f', get_remaining_time_in_millis=lambda: 3000)\n"
        "fields = build_document()['components']['schemas']['Ping']['required']\n"
        "print(routes, fields, get_ping.lambda_handler(event, context)['statusCode'])"
    )
    assert copy.run(script) == "['GetPing'] ['pong'] 200"
    assert_as_named("an endpoint", copy.changed)

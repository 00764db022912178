"""Generates the documents that follow from the code, and checks that those checked in are not stale.

docs/configuration.md comes from the table of settings; docs/openapi.json from the read models, and from it the types
of the dashboard (whose staleness `npm run check` finds); the tables of docs/alerting.md and the index of the runbooks
from the rules.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from callwatch.settings import VARIABLES
from local import alert_docs

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
OPENAPI = ROOT / "docs" / "openapi.json"

# Variables of the local commands and of the platform: name, default, what for.
OTHER_VARIABLES = (
    ("PORT", "3000", "`make run`: port of the API and the dashboard."),
    ("DATA_DIR", ".local", "`make run`: folder that keeps the database, the queue, tokens and logs."),
    ("CYCLE_S", "60", "`make run`: seconds between two cycles of the monitor."),
    ("CHROMIUM", "", "`make test`: path of a Chromium to use instead of the one found."),
    ("AWS_ENDPOINT_URL_SQS", "", "Endpoint of an SQS-compatible queue; `make run` sets it."),
    ("AWS_ENDPOINT_URL_SNS", "", "`make run`: server that stands in for SNS, which no local function has the right to reach."),
    ("SECRETS_VERSION", "", "Set on a deploy; it changes when a secret does, so that functions start anew and read it."),
    ("AWS_LAMBDA_FUNCTION_NAME", "", "Set by Lambda: small connection pools are used there."),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "", "Set by Lambda: the limit that memory is measured against."),
)

# API Gateway itself answers pages of others; the page's address is a parameter in SSM that the stack makes.
_BESIDE_THE_ENVIRONMENT = {"CORS_ORIGINS": ["CorsOrigins"], "APP_URL": ["DomainName"]}

HEADER = """# Configuration

Every environment variable, generated from the code by `python -m local.docs`. A value may stand in the environment
itself or be named there: `arn:aws:secretsmanager:...` reads a secret (`<arn>:<key>::` one key of a JSON secret),
`ssm:<name>` a parameter. A bad value stops the start with one line that names the variable and what it takes.

Deployed, a value comes from a parameter of the stack, from the file of secrets (`make deploy SECRETS=...`), or from the
stack itself ([deployment.md](deployment.md)).

| variable | default | secret | deployed by | what it is for |
|---|---|---|---|---|
"""


def main() -> int:
    """Write the documents, or with --check compare them; exit code 1 where one is stale."""
    parser = argparse.ArgumentParser(prog="docs", description="Generate the documents that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a document is stale")
    is_check = parser.parse_args().check
    problems = undocumented_variables()
    documents = (
        (CONFIGURATION, configuration()),
        (OPENAPI, openapi()),
        (alert_docs.ALERTING, alert_docs.alerting()),
        (alert_docs.RUNBOOKS, alert_docs.runbooks()),
    )
    for path, content in documents:
        if not is_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        elif not path.is_file() or path.read_text() != content:
            problems.append(f"{path.relative_to(ROOT)} is stale: run `make docs`")
    if not is_check:
        subprocess.run(["node", str(ROOT / "dashboard" / "scripts" / "types.mjs")], check=True)
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    return 1 if problems else 0


def configuration() -> str:
    """The page of all variables, as Markdown."""
    template = (ROOT / "template.yaml").read_text()
    rows = [
        (
            variable.name,
            variable.default or "",
            "yes" if variable.is_secret else "",
            deployed_by(variable.name, template),
            variable.purpose,
        )
        for variable in VARIABLES
    ]
    rows += [(name, default, "", "", use) for name, default, use in OTHER_VARIABLES]
    lines = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {secret} | {by} | {use} |" for name, default, secret, by, use in rows
    ]
    return HEADER + "\n".join(lines) + "\n"


def deployed_by(name: str, template: str) -> str:
    """Where a variable's value comes from in a deployment: a parameter's name, the file of secrets, or the stack."""
    if re.search(rf"Secret\.Id}}:{name}::", template):
        return "the file of secrets"
    parameters = re.findall(r"^  (\w+):$", template.partition("\nParameters:\n")[2].partition("\nRules:\n")[0], re.MULTILINE)
    values = " ".join(re.findall(rf"^ +{name}: (.*)$", template, re.MULTILINE))
    found = [parameter for parameter in parameters if re.search(rf"\b{parameter}\b", values)]
    found = _BESIDE_THE_ENVIRONMENT.get(name, found)
    return f"`{found[0]}`" if found else "the stack" if values else ""


def openapi() -> str:
    """The OpenAPI document, as JSON."""
    from callwatch.models.openapi import document

    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


def undocumented_variables() -> list[str]:
    """One line for each variable that the code or the template uses and no table names."""
    known = {variable.name for variable in VARIABLES} | {name for name, _default, _use in OTHER_VARIABLES}
    found: dict[str, str] = {}
    for folder in ("shared", "functions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in variables_read(ast.parse(path.read_text())):
                found.setdefault(name, str(path.relative_to(ROOT)))
    template = (ROOT / "template.yaml").read_text()
    for block in re.findall(r"Variables:\n((?:\s+[A-Z_]+: .*\n)+)", template):
        for name in re.findall(r"^\s+([A-Z_]+):", block, re.MULTILINE):
            found.setdefault(name, "template.yaml")
    platform = ("POWERTOOLS_", "AWS_REGION")
    return [
        f"{name} (in {place}) is not in the table of callwatch/settings.py"
        for name, place in found.items()
        if name not in known and not name.startswith(platform)
    ]


def variables_read(tree: ast.AST) -> set[str]:
    """Names read by os.environ["X"], os.environ.get("X") and os.getenv("X")."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            key: ast.AST = node.slice
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv") and node.args:
            key = node.args[0]
        else:
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            names.add(key.value)
    return names


if __name__ == "__main__":
    sys.exit(main())

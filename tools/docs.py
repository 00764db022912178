"""Generates documents from the code, and checks that the checked-in ones are current.

docs/configuration.md comes from the settings; docs/openapi.json and its copy in the layer from the routes and their shapes,
and from it the types of the dashboard (`npm run check` finds stale ones); the tables of docs/alerting.md and the index of the
runbooks from the rules; the table of docs/routes.md from its example; docs/cost.md from the template and a table of prices;
the tables of docs/scaling.md from those and the results of the simulation.
"""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

from callwatch.api.document import DOCUMENT
from callwatch.settings import VARIABLES
from tools import alert_docs, openapi, route_docs, scaling_docs
from tools.cost import page as cost_page

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
OPENAPI = ROOT / "docs" / "openapi.json"

# Variables of the local commands and of the platform: name, default, purpose.
OTHER_VARIABLES = (
    ("PORT", "3000", "`make run`: port of the API and the dashboard."),
    ("DATA_DIR", ".local", "`make run`: folder for the database, the queue, tokens and logs."),
    ("CYCLE_S", "60", "`make run`: seconds between two cycles of the monitor."),
    ("CHROMIUM", "", "`make test`: path of the Chromium to use instead of the one found."),
    ("AWS_ENDPOINT_URL_SQS", "", "Endpoint of an SQS-compatible queue; `make run` sets it."),
    ("AWS_ENDPOINT_URL_SNS", "", "`make run`: server that replaces SNS, which local functions must not reach."),
    ("AWS_ENDPOINT_URL_S3", "", "`make run`: server that replaces S3, which local functions must not reach."),
    ("ORIGIN_SECRET", "", "Set by the stack with OnlyThroughCloudFront=yes: the header that CloudFront adds to each request."),
    ("SECRETS_VERSION", "", "Set on a deploy; it changes when a secret does, so that functions restart and read it."),
    ("AWS_LAMBDA_FUNCTION_NAME", "", "Set by Lambda: small connection pools are used there."),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "", "Set by Lambda: the limit that memory usage is compared with."),
)

# The page's address is an SSM parameter that the stack creates.
_SET_ELSEWHERE = {"COMMIT_PARAMETER": ["CommitSha"], "APP_URL": ["DomainName"], "OIDC_TOKEN_ORIGIN": ["OidcTokenOrigin"]}

HEADER = """# Configuration

Every environment variable, generated from the code by `python -m tools.docs`. A variable holds its value or names it:
`arn:aws:secretsmanager:...` reads a secret (`<arn>:<key>::` one key of a JSON secret), `ssm:<name>` a parameter.

An invalid value stops `make run` and `make deploy` with one line that names the variable and what it must be. In a function it
stops the function only where the last column says so, because everything depends on that setting. Any other invalid value, and
a channel with only part of its settings, switches off only the part that the column names: `GET /api/health` lists it under
`configuration`, the page shows it, the log reports it once, and the rule `setting_invalid` fires. A secret that cannot be read
is read again each minute.

Deployed, a value comes from a parameter of the stack, from the file of secrets (`make deploy SECRETS=...`), or from the
stack itself ([deployment.md](deployment.md)).

| variable | default | secret | deployed by | purpose | an invalid value in a function |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Write the documents, or compare them with --check; return 1 if one is stale."""
    parser = argparse.ArgumentParser(prog="docs", description="Generate the documents that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is stale")
    is_check = parser.parse_args().check
    problems = find_undocumented_variables()
    document = openapi.build_document()
    documents = (
        (CONFIGURATION, render_configuration()),
        (OPENAPI, openapi.render(document)),
        (DOCUMENT, openapi.render_compact(document)),
        (alert_docs.ALERTING, alert_docs.render_alerting()),
        (alert_docs.RUNBOOKS, alert_docs.render_runbooks()),
        (route_docs.ROUTES, route_docs.render_routes()),
        (cost_page.PAGE, cost_page.render_page()),
        (scaling_docs.SCALING, scaling_docs.render_scaling()),
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


def render_configuration() -> str:
    """Return the page of all variables as Markdown."""
    template = (ROOT / "template.yaml").read_text()
    rows = [
        (
            variable.name,
            variable.default or "",
            "yes" if variable.is_secret else "",
            describe_origin(variable.name, template),
            variable.purpose,
            f"`{variable.affects}` is off" if variable.affects else "stops it",
        )
        for variable in VARIABLES
    ]
    rows += [(name, default, "", "", use, "") for name, default, use in OTHER_VARIABLES]
    lines = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {secret} | {by} | {use} | {bad} |"
        for name, default, secret, by, use, bad in rows
    ]
    return HEADER + "\n".join(lines) + "\n"


def describe_origin(name: str, template: str) -> str:
    """Return the source of a variable in a deployment: a parameter, the file of secrets, or the stack."""
    if re.search(rf"Secret\.Id}}:{name}::", template) or any(each.name == name and each.kept_in for each in VARIABLES):
        return "the file of secrets"
    parameters = re.findall(r"^  (\w+):$", template.partition("\nParameters:\n")[2].partition("\nRules:\n")[0], re.MULTILINE)
    values = " ".join(re.findall(rf"^ +{name}: (.*)$", template, re.MULTILINE))
    found = [parameter for parameter in parameters if re.search(rf"\b{parameter}\b", values)]
    found = _SET_ELSEWHERE.get(name, found)
    return f"`{found[0]}`" if found else "the stack" if values else ""


def find_undocumented_variables() -> list[str]:
    """Yield one line for each variable that the code or the template uses and no table lists."""
    known = {variable.name for variable in VARIABLES} | {name for name, _default, _use in OTHER_VARIABLES}
    found: dict[str, str] = {}
    for folder in ("shared", "functions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in find_variables(ast.parse(path.read_text())):
                found.setdefault(name, str(path.relative_to(ROOT)))
    template = (ROOT / "template.yaml").read_text()
    for block in re.findall(r"Variables:\n((?:\s+[A-Z_]+: .*\n)+)", template):
        for name in re.findall(r"^\s+([A-Z_]+):", block, re.MULTILINE):
            found.setdefault(name, "template.yaml")
    platform = ("POWERTOOLS_", "_X_AMZN_", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
    return [
        f"{name} (in {place}) is not in the table of callwatch/settings/"
        for name, place in found.items()
        if name not in known and not name.startswith(platform)
    ]


def find_variables(tree: ast.AST) -> set[str]:
    """Return names read by os.environ["X"], os.environ.get("X") and os.getenv("X")."""
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

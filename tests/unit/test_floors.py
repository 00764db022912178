"""The map of the house kept true: imports point strictly down."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared" / "callwatch"

FLOOR = {
    "models": 0,
    "exceptions": 0,
    "settings_values": 1,
    "settings_named": 1,
    "settings": 1,
    "http": 1,
    "http_filters": 1,
    "http_batch": 1,
    "queue": 1,
    "db": 1,
    "tracker": 2,
    "checks": 2,
    "pipeline": 2,
    "requests": 2,
    "alerts": 3,
    "runtime": 4,
    "monitor": 4,
    "reports": 4,
}
# The ground floor's parts build on the settings, and those on their parsers; requests are scrubbed as errors are.
ALLOWED_SIDEWAYS = {
    ("requests", "tracker"),
    ("http_filters", "http"),
    ("http_batch", "http"),
    ("db", "settings"),
    ("db", "settings_named"),
    ("queue", "settings"),
    ("settings", "settings_values"),
    ("settings", "settings_named"),
}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "callwatch" else [module]
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_strictly_down(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    part = relative.parts[0].removesuffix(".py")
    if part == "__init__":
        assert not path.read_text().strip(), "callwatch/__init__.py stays empty"
        return
    for module in imports_of(path):
        top = module.split(".")[0]
        assert top not in ("functions", "local", "tests"), f"{relative} imports {module}, which stands above it"
        other = part_of(module)
        if top != "callwatch" or other == part:
            continue
        is_below = FLOOR[other] < FLOOR[part]
        assert is_below or (part, other) in ALLOWED_SIDEWAYS, f"{relative} imports {module}: up or sideways"


def test_every_part_of_the_package_has_a_floor() -> None:
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__init__", "__pycache__"} <= set(FLOOR)


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*.py")), ids=lambda path: path.name)
def test_functions_import_neither_each_other_nor_what_runs_them_locally(path: Path) -> None:
    siblings = {file.stem for file in path.parent.glob("*.py")}
    for module in imports_of(path):
        assert module.split(".")[0] not in siblings | {"local", "functions", "tests"}


@pytest.mark.parametrize("folder", ["functions", "local", "bench"])
def test_nothing_outside_of_the_tests_depends_on_them(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert not [module for module in imports_of(path) if module.split(".")[0] == "tests"], path.name

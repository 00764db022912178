"""Imports point strictly down the layers of docs/architecture.md, without import cycles."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared" / "callwatch"

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "models",
        "exceptions",
        "sqlstates",
        "deadline",
        "times",
        "base64url",
        "constant_time",
        "garbage",
        "build_id",
        "route_names",
        "json_values",
    ),
    ("http_client",),
    ("aws",),
    ("settings",),
    ("db", "sqs", "api", "file_store"),
    ("scrubbing", "counters", "crons", "oidc", "payloads", "sessions"),
    ("grouping",),
    ("events", "source_maps"),
    ("client",),
    ("tracker", "ingest", "digest", "checks", "pipeline", "uploads"),
    ("alerts",),
    ("reports",),
    ("mcp",),
    ("runtime", "monitor"),
)
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def name_part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def find_imports(path: Path, is_whole: bool = True) -> set[str]:
    """Return our modules that a module imports; not is_whole: only at its top, without imports in functions."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if is_whole else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & set(MODULES)


def test_every_part_has_a_layer() -> None:
    assert {name_part(module) for module in MODULES} - {""} == set(LAYER)


def test_imports_point_down() -> None:
    assert [problem for module, path in sorted(MODULES.items()) for problem in find_upward(module, find_imports(path))] == []


def find_upward(module: str, imports: set[str]) -> list[str]:
    """Name each part that a module imports although it is not below the module's own."""
    own = name_part(module)
    others = {name_part(imported) for imported in imports} - {own, ""}
    return [f"{module} imports {part}, which is not below {own}" for part in sorted(others) if LAYER[part] >= LAYER[own]]


def test_upward_import_is_found() -> None:
    assert find_upward("callwatch.times", {"callwatch.times", "callwatch.models.sample", "callwatch.alerts.rules"}) == [
        "callwatch.times imports alerts, which is not below times",
        "callwatch.times imports models, which is not below times",
    ]
    assert find_upward("callwatch.alerts.rules", {"callwatch.times", "callwatch.alerts"}) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {module: find_imports(path, is_whole=False) for module, path in MODULES.items()}
    assert find_circles(imports) == []


def test_circle_is_found() -> None:
    assert find_circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def find_circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return groups of modules that reach each other, by repeated removal of modules without imports or importers."""
    left = {module: set(found) for module, found in imports.items()}
    while True:
        users: dict[str, set[str]] = defaultdict(set)
        for module, found in left.items():
            for imported in found & set(left):
                users[imported].add(module)
        ends = {module for module, found in left.items() if not found & set(left) or not users[module]}
        if not ends:
            break
        left = {module: found for module, found in left.items() if module not in ends}
    return [sorted(left)] if left else []

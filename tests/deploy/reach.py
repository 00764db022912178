"""What a function's code can reach: an `ast` walk from its handler, through the names and methods that it uses.

A mentioned name counts as used; a method counts as used if its class is used and its name is mentioned. So the result is
too large rather than too small.
"""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Symbol = tuple[str, str]
_IN_TRANSACTION = ("callwatch.runtime.endpoint", "_run_in_transaction")
_CHECK_SESSION = ("callwatch.runtime.endpoint", "_check_session")


@dataclass(frozen=True)
class Module:
    """One file: the definition of each name, the origin of each import, and the code that runs at import."""

    name: str
    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, Symbol]
    loose: list[ast.stmt]


@dataclass
class Reach:
    """The names that the walk met."""

    symbols: set[Symbol] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    # Attributes of objects that are no module, and texts passed on together with the settings.
    fields: set[str] = field(default_factory=set)


@dataclass
class Parts:
    """What a walk asks of a node: bases are the ids of values whose attribute is taken, local the imports inside."""

    local: dict[str, Symbol]
    calls: list[ast.Call] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    names: list[ast.Name] = field(default_factory=list)
    bases: set[int] = field(default_factory=set)


@functools.cache
def compute_reach(function: str, has_database: bool = True) -> Reach:
    """Return everything in our own code that functions/<function>.py can reach. has_database: its environment names one."""
    walk = _Walk()
    start = load(f"functions.{function}")
    if not _asks_for_transaction(function):
        # `endpoint` mentions it for every function, and calls it for those alone whose route works in a transaction.
        walk.reach.symbols.add(_IN_TRANSACTION)
    if not has_database:
        # `endpoint` mentions it for every function; without a database it accepts no session, and asks nothing.
        walk.reach.symbols.add(_CHECK_SESSION)
    walk.enter_module(start)
    for name in start.definitions:
        walk.meet((start.name, name))
    walk.run()
    return walk.reach


def _asks_for_transaction(function: str) -> bool:
    path = find_path(f"functions.{function}")
    assert path, function
    return any(isinstance(node, ast.keyword) and node.arg == "transaction" for node in ast.walk(ast.parse(path.read_text())))


class _Walk:
    def __init__(self) -> None:
        self.reach = Reach()
        self._todo: list[tuple[Module, ast.AST]] = []
        self._modules: set[str] = set()
        self._methods: dict[str, list[tuple[Module, ast.stmt]]] = {}
        self._values: set[str] = set()

    def run(self) -> None:
        while self._todo:
            module, node = self._todo.pop()
            self._scan(module, node)

    def enter_module(self, module: Module) -> None:
        if module.name in self._modules:
            return
        self._modules.add(module.name)
        self._todo += [(module, node) for node in module.loose]
        for target, _name in module.imports.values():
            if find_path(target):
                self.enter_module(load(target))

    def meet(self, symbol: Symbol) -> None:
        """Follow one name of one module, through re-exports, to its definition."""
        if symbol in self.reach.symbols:
            return
        self.reach.symbols.add(symbol)
        module = load(symbol[0])
        self.enter_module(module)
        if symbol[1] in module.imports:
            self._meet_import(module.imports[symbol[1]])
        for node in module.definitions.get(symbol[1], []):
            self._define(module, node)

    def _meet_import(self, target: Symbol) -> None:
        if not find_path(target[0]):
            return
        as_module = f"{target[0]}.{target[1]}"
        if find_path(as_module):
            self._meet_value(load(as_module))
        elif target[1]:
            self.meet(target)

    def _meet_value(self, module: Module) -> None:
        """Visit a module that is passed as a value: its functions are like methods."""
        self.enter_module(module)
        if module.name not in self._values:
            self._values.add(module.name)
            for name, nodes in module.definitions.items():
                self._offer(name, module, nodes)

    def _offer(self, name: str, module: Module, nodes: list[ast.stmt]) -> None:
        if name in self.reach.attributes:
            self._todo += [(module, node) for node in nodes]
        else:
            self._methods.setdefault(name, []).extend((module, node) for node in nodes)

    def _define(self, module: Module, node: ast.stmt) -> None:
        if not isinstance(node, ast.ClassDef):
            self._todo.append((module, node))
            return
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("__"):
                self._offer(part.name, module, [part])
            else:
                self._todo.append((module, part))
        self._todo += [(module, base) for base in [*node.bases, *node.decorator_list]]

    def _scan(self, module: Module, node: ast.AST) -> None:
        parts = find_parts(node)
        for call in parts.calls:
            self._meet_call(call)
        for attribute in parts.attributes:
            self._meet_attribute(module, attribute, parts.local)
        for name in parts.names:
            self._meet_name(module, name, parts.local, id(name) in parts.bases)

    def _meet_call(self, node: ast.Call) -> None:
        if any(isinstance(given, ast.Name) and given.id == "settings" for given in node.args):
            texts = (given.value for given in node.args if isinstance(given, ast.Constant))
            self.reach.fields |= {text for text in texts if isinstance(text, str)}

    def _meet_name(self, module: Module, node: ast.Name, local: dict[str, Symbol], is_base: bool) -> None:
        target = local.get(node.id) or module.imports.get(node.id)
        if is_base and target and find_path(f"{target[0]}.{target[1]}".rstrip(".")):
            return
        if node.id in local:
            self._meet_import(local[node.id])
        else:
            self.meet((module.name, node.id))

    def _meet_attribute(self, module: Module, node: ast.Attribute, local: dict[str, Symbol]) -> None:
        base = None
        if isinstance(node.value, ast.Name):
            base = local.get(node.value.id) or module.imports.get(node.value.id)
        if base and find_path(f"{base[0]}.{base[1]}".rstrip(".")):
            self.meet((f"{base[0]}.{base[1]}".rstrip("."), node.attr))
            return
        if base is None:
            self.reach.fields.add(node.attr)
        if node.attr not in self.reach.attributes:
            self.reach.attributes.add(node.attr)
            self._todo += self._methods.pop(node.attr, [])


@functools.cache
def find_parts(node: ast.AST) -> Parts:
    """Walk a node once, whatever the number of functions that reach it."""
    found = Parts(local=local_imports(node))
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            found.calls.append(part)
        elif isinstance(part, ast.Attribute):
            found.attributes.append(part)
            found.bases.add(id(part.value))
        elif isinstance(part, ast.Name):
            found.names.append(part)
    return found


def local_imports(node: ast.AST) -> dict[str, Symbol]:
    """Return the imports inside a function's body."""
    found: dict[str, Symbol] = {}
    for part in ast.walk(node):
        found |= dict(_imported(part))
    return found


def _imported(node: ast.AST) -> Iterator[tuple[str, Symbol]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], (alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, (node.module or "", alias.name)


@functools.cache
def find_path(module: str) -> Path | None:
    """Return the file of one of our modules; None for others."""
    folder, _, rest = module.partition(".")
    if folder not in ("callwatch", "functions"):
        return None
    base = (ROOT / "shared" / "callwatch" if folder == "callwatch" else ROOT / "functions").joinpath(*rest.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def load(name: str) -> Module:
    """Parse one of our modules."""
    path = find_path(name)
    assert path, name
    definitions: dict[str, list[ast.stmt]] = {}
    imports: dict[str, Symbol] = {}
    loose: list[ast.stmt] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports |= dict(_imported(node))
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        definitions.setdefault(part.id, []).append(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            loose.append(node)
    return Module(name, definitions, imports, loose)

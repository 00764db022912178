"""Finds functions whose name does not begin with a verb, as the style guide asks; verbs.txt lists the verbs."""

import ast
from collections.abc import Iterator
from pathlib import Path

VERBS = frozenset((Path(__file__).with_name("verbs.txt")).read_text().split())
_PREDICATES = frozenset({"is", "are", "was", "has", "had", "can", "could", "may", "must", "needs", "should", "does", "did"})
_FIRST_WORDS = VERBS | _PREDICATES
_CONVERSIONS = frozenset({"to", "from", "as"})
# A noun, because it reads as one where it is used: `stage.name`, `with connection():`, `@endpoint(...)`.
_NOUNS = frozenset({"property", "cached_property", "contextmanager", "asynccontextmanager", "fixture", "setter"})
_CONTEXTS = ("ContextManager", "AbstractContextManager")
# Names that others chose: Python, AWS Lambda, the base classes of libraries, and what users of the library already call.
IMPOSED = frozenset(
    {
        "main",
        "lambda_handler",
        "cert_verify",  # requests.adapters.HTTPAdapter
        "_new_conn",  # urllib3.connection.HTTPSConnection
        "cursor",  # psycopg2's connection
        "readline",  # a file
        "with_retry",
        "with_deadlock_retry",
        "with_transaction",
    }
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_verbs(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line number and finding for each function whose name does not begin with a verb."""
    for node in ast.walk(tree):
        if isinstance(node, _Function) and not (begins_with_verb(node) or is_exempt(node)):
            yield (
                node.lineno,
                f"begin the name with a verb, as in read_{node.name.strip('_')}; tools/verbs.txt lists them: {node.name}",
            )


def begins_with_verb(node: _Function) -> bool:
    """Whether a name begins with a verb; one in the third person (`matches`, `belongs_to`) needs to return a bool."""
    word = node.name.lstrip("_").split("_")[0]
    if word in _FIRST_WORDS:
        return True
    if node.returns is None or not ast.unparse(node.returns).startswith(("bool", "TypeGuard", "TypeIs")):
        return False
    return bool(VERBS & {word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y"})


def is_exempt(node: _Function) -> bool:
    """Whether Python, a library or the way in which it is used gives a function its name."""
    name = node.name
    if name in IMPOSED or (name.startswith("__") and name.endswith("__")) or name.lstrip("_").split("_")[0] in _CONVERSIONS:
        return True
    decorators = {part for each in node.decorator_list for part in ast.unparse(each).split("(")[0].split(".")}
    return bool(decorators & _NOUNS) or _is_context(node) or _is_decorator(node)


def _is_context(node: _Function) -> bool:
    """Whether it returns a context manager, to be read after `with`."""
    return node.returns is not None and ast.unparse(node.returns).split("[")[0].rpartition(".")[2] in _CONTEXTS


def _is_decorator(node: _Function) -> bool:
    """Whether it takes a callable first and returns one, or returns a function that does so."""
    returns = ast.unparse(node.returns) if node.returns else ""
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    takes_callable = first is not None and first.annotation is not None and ast.unparse(first.annotation).startswith("Callable[")
    return returns.startswith("Callable[[Callable[") or (takes_callable and returns.startswith("Callable["))

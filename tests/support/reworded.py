"""Imports the package with every sentence changed: whatever then behaves differently takes its decision from wording."""

import ast
import importlib.machinery
import re
from typing import Any
from unittest import mock

PARTS = ("alerts", "models/reason", "checks", "monitor", "reports", "counters", "pipeline", "runtime")
# SQL, and the language of stage files, are no sentences.
_OTHER_LANGUAGES = ("/queries/", "stage_file.py", "indexes.py")
_SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|SET|WITH|LOCK|SAVEPOINT|ROLLBACK|RELEASE|CREATE|FROM|WHERE|ORDER|AND)\b")
# Formats of times, marks of HTML, addresses and expressions.
_NOT_PROSE = re.compile(r"%[(A-Za-z]|[<>\\/]|\(\?|: ?[#\w-]+;")
_WORD = re.compile(r"[A-Za-z]{2,}")
_PLACEHOLDER = re.compile(r"(\{[^{}]*\})")

changed: list[str] = []


def is_sentence(text: str) -> bool:
    """Whether a constant is a part of what people read: words with a blank between or around them."""
    return " " in text and bool(_WORD.search(text)) and not _SQL.match(text) and not _NOT_PROSE.search(text)


def change_words(text: str) -> str:
    """Return the text with each word backward; its length and its placeholders stay."""
    parts = _PLACEHOLDER.split(text)
    return "".join(part if part.startswith("{") else _WORD.sub(lambda word: word[0][::-1], part) for part in parts)


class _Reword(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        # A docstring is not shown.
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        # Its format is no text.
        node.value = self.visit(node.value)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and is_sentence(node.value):
            changed.append(node.value)
            return ast.copy_location(ast.Constant(change_words(node.value)), node)
        return node


def install() -> None:
    """Change the sentences of every module of PARTS that is imported from now on."""
    usual: Any = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> Any:
        path = loader.get_filename(name).replace("\\", "/")
        is_part = any(f"/callwatch/{part}" in path for part in PARTS)
        if not is_part or any(other in path for other in _OTHER_LANGUAGES):
            return usual(loader, name)
        tree = _Reword().visit(ast.parse(loader.get_data(path)))
        return compile(ast.fix_missing_locations(tree), path, "exec")

    mock.patch.object(importlib.machinery.SourceFileLoader, "get_code", get_code).start()

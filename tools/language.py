"""Holds names and texts to the style guide of CONTRIBUTING.md: plain words, verbs first, short names, small folders.

Run it as `python -m tools.language`; it prints one line per finding and exits with 1 if there is any.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.verb_names import check_verbs

ROOT = Path(__file__).resolve().parent.parent
MAX_TEST_NAME = 60
MAX_MODULES = 18
MAX_SUBJECT = 72
# Tests have helpers that read as nouns: `assert answer(...)`.
VERB_FOLDERS = ("bench/", "cli/", "deploy/", "functions/", "local/", "shared/", "simulator/", "tools/")
_PROSE = (".py", ".md", ".ts", ".tsx", ".css", ".yaml", ".html", ".mjs", ".sql")
# Texts of other people, inputs of tests, and what is generated from the code.
_SKIPPED = (
    "tests/fixtures/",
    "docs/openapi",
    "docs/licen",
    "dashboard/src/lib/api/types.ts",
    "CODE_OF_CONDUCT",
    "tools/language.py",
    "tests/unit/test_language.py",
    # The checksum of an applied migration must not change.
    *(f"shared/callwatch/db/migrations/{number}_" for number in ("0006", "0007", "0010")),
)
# A word or phrase that a native engineer reads twice, and what to write instead.
BANNED: Mapping[str, str] = {
    r"anew": "again",
    r"whoever": "name the person or part",
    r"as against": "unlike, or: as opposed to",
    r"for ever": "forever, or: until somebody changes it",
    r"(is|are|was|were) told": "is notified, is reported, is shown",
    r"tells of": "reports",
    r"told apart": "distinguished",
    r"none of it": "say which part",
    # In quotes it is allowed: payloads of older versions have a field of this name.
    r"(?<![\"'`])mend(s|ed|ing)?(?![\"'`])": "fix, sanitize, repair",
    r"thereof|therein|thereby|hitherto|henceforth": "of it, in it, so, until now, from now on",
    r"(?<!gateway )time-outs?": "timeout",
    r"makes? good": "fixes",
    r"lacks? nothing": "is complete",
    r"beside(?! the point)": "in addition to, next to, with",
    r"in vain": "without effect",
    r"as (?:it|they) stands?": "as it is, unchanged",
    r"all the while": "meanwhile, throughout",
    r"clears none": "clears no alert",
}
_BANNED = re.compile(r"\b(?:" + "|".join(f"(?P<w{n}>{pattern})" for n, pattern in enumerate(BANNED)) + r")\b", re.IGNORECASE)
_REMEDIES = list(BANNED.values())
# "What is late counts as a timeout": the reader meets two verbs before the subject is clear. Questions and headings may begin so.
_CLAUSE_SUBJECT = re.compile(r"(?:^(?:- |\d+\. )?|[.;:] |\*\* )(What (?!else)[a-z]+ (?:[^.?:|]|:(?!$))*)(?:\.|$)")
_TYPESCRIPT_NAME = re.compile(r"(?:function|const) (\w+Of)\b")
_VAGUE_MODULES = frozenset({"utils", "util", "helpers", "helper", "parts", "rest", "basics", "misc", "common_utils"})
_STATUS = re.compile(r"^(Accepted|Superseded by \d{4}|Proposed), \d{4}-\d\d-\d\d$", re.MULTILINE)


def main() -> int:
    """Check every tracked file; 1 if there are findings."""
    argparse.ArgumentParser(prog="python -m tools.language", description=(__doc__ or "").strip()).parse_args()
    findings = sorted(check_tree(ROOT))
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings; the style guide is in CONTRIBUTING.md", file=sys.stderr)
    return 1 if findings else 0


def check_tree(root: Path) -> Iterator[str]:
    """One line per finding: file, line, what is wrong, what to write."""
    paths = list_files(root)
    for path in paths:
        if path.suffix in _PROSE and not str(path).startswith(_SKIPPED):
            yield from (f"{path}:{line}: {what}" for line, what in check_text((root / path).read_text(errors="replace")))
        if path.suffix == ".md" and not str(path).startswith(_SKIPPED):
            yield from (f"{path}:{line}: {what}" for line, what in check_sentences((root / path).read_text()))
        if path.suffix in (".ts", ".tsx"):
            yield from (f"{path}:{line}: {what}" for line, what in check_typescript_names((root / path).read_text()))
        if path.suffix == ".py":
            tree = ast.parse((root / path).read_text())
            findings = [*check_names(tree), *(check_verbs(tree) if str(path).startswith(VERB_FOLDERS) else ())]
            yield from (f"{path}:{line}: {what}" for line, what in findings)
        if path.match("docs/decisions/[0-9]*.md"):
            yield from (f"{path}:1: {what}" for what in check_decision((root / path).read_text()))
    yield from check_folders(paths)


def list_files(root: Path) -> list[Path]:
    """The files that git tracks, or would track, by their path below the root."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Path(name) for name in listed if (root / name).is_file()]


def check_text(text: str) -> Iterator[tuple[int, str]]:
    """Line number and finding for each banned word."""
    for number, line in enumerate(text.splitlines(), start=1):
        for found in _BANNED.finditer(line):
            remedy = _REMEDIES[int((found.lastgroup or "w0")[1:])]
            yield number, f"'{found[0]}' reads oddly; write: {remedy}"


def check_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Line number and finding for each sentence of a document whose subject is a clause."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith(("#", "|")) and (found := _CLAUSE_SUBJECT.search(line)):
            yield number, f"'{found[1][:40].strip()} ...': name the subject first, as in 'a message that is late'"


def check_typescript_names(source: str) -> Iterator[tuple[int, str]]:
    """Line number and finding for each function of the page whose name does not begin with a verb."""
    for number, line in enumerate(source.splitlines(), start=1):
        for found in _TYPESCRIPT_NAME.finditer(line):
            yield number, f"begin the name with a verb: {found[1]}"


def check_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line number and finding for each function whose name is too long for a test, or ends as a noun with "of" does."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_") and len(node.name) > MAX_TEST_NAME:
            yield node.lineno, f"test name of {len(node.name)} characters; at most {MAX_TEST_NAME}, one idea: {node.name}"
        if node.name.endswith("_of"):
            yield node.lineno, f"begin the name with a verb: {node.name}"


def check_decision(text: str) -> Iterator[str]:
    """Findings in a decision record: it needs a title, its status and its date."""
    if not re.match(r"# \d+\. \S", text):
        yield "the first line is '# <number>. <the decision as a sentence>'"
    if not _STATUS.search(text):
        yield "the status and its date stand on a line of their own: 'Accepted, 2026-11-29'"


def check_folders(paths: list[Path]) -> Iterator[str]:
    """Folders with too many modules, and modules whose name says nothing."""
    modules = [path for path in paths if path.suffix == ".py" and path.name != "__init__.py" and path.parts[0] == "shared"]
    for folder, count in sorted(Counter(path.parent for path in modules).items()):
        if count > MAX_MODULES:
            yield f"{folder}: {count} modules; at most {MAX_MODULES} in a folder"
    for path in modules:
        if path.stem in _VAGUE_MODULES:
            yield f"{path}: name the idea that the module owns, not '{path.stem}'"


if __name__ == "__main__":
    sys.exit(main())

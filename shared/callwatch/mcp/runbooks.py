"""The runbooks as Markdown: in the layer next to this module, in a checkout under docs/."""

from pathlib import Path

from callwatch.exceptions import NotFound

_HERE = Path(__file__).resolve()
_FOLDERS = (_HERE.with_name("runbooks"), _HERE.parents[3] / "docs" / "runbooks")


def list_runbooks() -> list[str]:
    """Return the names of all runbooks: the ids of their rules."""
    return sorted(path.stem for path in _find_folder().glob("*.md") if path.stem != "README")


def read_runbook(rule_id: str) -> str:
    """Return the runbook of a rule. Raises NotFound, which names some that exist."""
    names = list_runbooks()
    # Only a name that was listed is read, so that no path leaves the folder.
    if rule_id not in names:
        raise NotFound(f"no runbook has this name; there are {', '.join(names)}")
    return (_find_folder() / f"{rule_id}.md").read_text()


def _find_folder() -> Path:
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])

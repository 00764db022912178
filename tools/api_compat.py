"""Finds changes of the API document that break clients of the released one.

docs/openapi.released.json is what clients know. `python -m tools.api_compat` fails if docs/openapi.json removes part of it;
`--release` makes today's document the released one.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RELEASED = ROOT / "docs" / "openapi.released.json"
CURRENT = ROOT / "docs" / "openapi.json"

Schema = Mapping[str, Any]
# Requests may not be constrained further: the first may not rise, the second may not fall.
_LOWER_BOUNDS, _UPPER_BOUNDS = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


def main() -> int:
    """Print a line for each break; return 1 if there is any."""
    parser = argparse.ArgumentParser(prog="compatibility", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--release", action="store_true", help="make docs/openapi.json the released document")
    if parser.parse_args().release:
        shutil.copyfile(CURRENT, RELEASED)
        return 0
    broken = find_breaks(json.loads(RELEASED.read_text()), json.loads(CURRENT.read_text()))
    for line in broken:
        print(f"compatibility: {line}", file=sys.stderr)
    if broken:
        print("compatibility: fields are only ever added under /api; a removal goes to /api/v2", file=sys.stderr)
    return 1 if broken else 0


def find_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Yield one line for each feature of the old document that the new one removes."""
    found = []
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            today = new["paths"].get(path, {}).get(method)
            found += [f"{name} is gone"] if today is None else _Comparison(old, new).compare_operation(name, operation, today)
    return found


class _Comparison:
    """A comparison of two documents, each with its own schemas behind references."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new
        self._met: set[tuple[str, str, bool]] = set()

    def compare_operation(self, name: str, old: Schema, new: Schema) -> list[str]:
        return [
            *self._compare_parameters(name, old, new),
            *self._compare_request(name, old, new),
            *self._compare_responses(name, old, new),
        ]

    def _compare_parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, today = ({(p["in"], p["name"]): p for p in found.get("parameters", [])} for found in (old, new))
        for key, parameter in before.items():
            if key not in today:
                yield f"{name}: the parameter {key[1]} is gone"
            else:
                yield from self._compare_schema(f"{name}: {key[1]}", parameter["schema"], today[key]["schema"], is_request=True)
        for key, parameter in today.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: the parameter {key[1]} became required"

    def _compare_request(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, today = old.get("requestBody", {}), new.get("requestBody", {})
        if today.get("required") and not before.get("required"):
            yield f"{name}: a body became required"
        yield from self._compare_contents(f"{name}: request", before, today, is_request=True)

    def _compare_responses(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, response in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: the answer {status} is gone"
            else:
                yield from self._compare_contents(
                    f"{name}: answer {status}", response, new["responses"][status], is_request=False
                )

    def _compare_contents(self, name: str, old: Schema, new: Schema, is_request: bool) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{name}: {kind} is gone"
            else:
                yield from self._compare_schema(
                    name, content.get("schema", {}), new["content"][kind].get("schema", {}), is_request
                )

    def _compare_schema(self, name: str, old: Schema, new: Schema, is_request: bool) -> Iterator[str]:
        pair = (json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True), is_request)
        if pair in self._met:
            return
        self._met.add(pair)
        before, today = (
            _group_by_type(_list_alternatives(schema, document)) for schema, document in ((old, self._old), (new, self._new))
        )
        if is_request:
            gone = set(before) - set(today)
            yield from (f"{name} takes no {kind} any more" for kind in sorted(gone) if "any" not in today)
        else:
            added = set(today) - set(before)
            yield from (f"{name} may now be {kind}" for kind in sorted(added) if "any" not in before)
        for kind in sorted(set(before) & set(today)):
            yield from self._compare_same_type(name, before[kind], today[kind], is_request)

    def _compare_same_type(self, name: str, old: Schema, new: Schema, is_request: bool) -> Iterator[str]:
        for value in set(old.get("enum", [])) - set(new.get("enum", old.get("enum", []))):
            yield f"{name}: the value {value} is gone"
        if is_request:
            yield from _compare_bounds(name, old, new)
            for field in sorted(set(new.get("required", [])) - set(old.get("required", []))):
                yield f"{name}: {field} became required"
        else:
            for field in sorted(set(old.get("required", [])) - set(new.get("required", []))):
                if field in new.get("properties", {}):
                    yield f"{name}: {field} may now be missing"
        for field, schema in old.get("properties", {}).items():
            if field not in new.get("properties", {}):
                yield f"{name}: {field} is gone"
            else:
                yield from self._compare_schema(f"{name}: {field}", schema, new["properties"][field], is_request)
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self._compare_schema(f"{name}[]", old[part], new[part], is_request)


def _compare_bounds(name: str, old: Schema, new: Schema) -> Iterator[str]:
    for bound in _LOWER_BOUNDS:
        if new.get(bound, old.get(bound, 0)) > old.get(bound, 0):
            yield f"{name}: {bound} rose to {new[bound]}"
    for bound in _UPPER_BOUNDS:
        if bound in new and new[bound] < old.get(bound, float("inf")):
            yield f"{name}: {bound} fell to {new[bound]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{name}: it must now match {new['pattern']}"


def _list_alternatives(schema: Schema, document: Mapping[str, Any]) -> Iterator[Schema]:
    """Return the plain schemas behind references and `anyOf`."""
    if "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _list_alternatives(target, document)
    elif "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _list_alternatives(option, document)
    else:
        yield schema


def _group_by_type(schemas: Iterator[Schema]) -> dict[str, Schema]:
    """Return schemas by type; integer and number count as one, as in JSON."""
    found: dict[str, Schema] = {}
    for schema in schemas:
        kind = str(schema.get("type", "any"))
        found["number" if kind == "integer" else kind] = schema
    return found


if __name__ == "__main__":
    sys.exit(main())

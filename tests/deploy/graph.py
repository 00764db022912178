"""The order in which CloudFormation creates and deletes the resources of the transformed template."""

import functools
import graphlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.deploy.template import as_list, list_references, source, transformed


@dataclass(frozen=True)
class Plan:
    """The resources of a stack with given parameters, and for each what must exist before it."""

    resources: Mapping[str, dict[str, Any]]
    needs: Mapping[str, frozenset[str]]

    def list_creation_order(self) -> list[str]:
        """Return one order in which the stack can be created. Raises graphlib.CycleError."""
        return list(graphlib.TopologicalSorter(self.needs).static_order())

    def find_all_needs(self, name: str) -> set[str]:
        """Return everything that exists before a resource is created, and is deleted after it."""
        found: set[str] = set()
        todo = [name]
        while todo:
            for needed in self.needs[todo.pop()] - found:
                found.add(needed)
                todo.append(needed)
        return found


@functools.cache
def make_plan(**parameters: str) -> Plan:
    """Resolve the conditions for these parameters, the others at their defaults. A plan is shared: it is only read."""
    given = {name: str(entry.get("Default", "")) for name, entry in source()["Parameters"].items()} | parameters
    conditions = {name: _evaluate(condition, given) for name, condition in source()["Conditions"].items()}
    # SAM itself reads this parameter; conditions decide about all others.
    shifting = given["TrafficShifting"]
    every = (transformed(TrafficShifting=shifting) if shifting != "None" else transformed())["Resources"]
    active = {name: entry for name, entry in every.items() if conditions.get(entry.get("Condition", ""), True)}
    resources = {name: _choose(entry, conditions) for name, entry in active.items()}
    needs = {name: frozenset(_list_references(name, entry, given)) for name, entry in resources.items()}
    return Plan(resources, needs)


def _evaluate(value: Any, parameters: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return str(value)
    ((name, argument),) = value.items()
    if name == "Ref":
        return parameters[argument]
    if name == "Condition":
        return _evaluate(source()["Conditions"][argument], parameters)
    operands = [_evaluate(part, parameters) for part in as_list(argument)]
    if name == "Fn::Equals":
        return operands[0] == operands[1]
    assert name in ("Fn::Not", "Fn::And", "Fn::Or"), name
    return not operands[0] if name == "Fn::Not" else (all if name == "Fn::And" else any)(operands)


def _choose(value: Any, conditions: Mapping[str, bool]) -> Any:
    """Return a value with every Fn::If replaced by its branch."""
    if isinstance(value, list):
        return [_choose(item, conditions) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        condition, then, otherwise = value["Fn::If"]
        return _choose(then if conditions[condition] else otherwise, conditions)
    return {key: _choose(item, conditions) for key, item in value.items()}


def _list_references(name: str, entry: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[str]:
    """Yield what a resource refers to. Pseudo parameters and parameters are no resources."""
    yield from as_list(entry.get("DependsOn", []))
    for reference in list_references([entry.get("Properties", {}), entry.get("UpdatePolicy", {})]):
        if reference not in parameters and not reference.startswith("AWS::"):
            yield reference
    assert name not in as_list(entry.get("DependsOn", []))


def render(value: Any) -> str:
    """Return a value as text, to look for names in it."""
    return json.dumps(value)

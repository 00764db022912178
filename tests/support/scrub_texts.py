"""Texts with and without private data, generated from templates with a seed.

Each kind has open templates, against which rules were written, and held-out ones: their result shows how rules do on texts
that they have not seen. `{x}` is the private value.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.private_values import MAKERS

_TEMPLATES = Path(__file__).resolve().parents[1] / "fixtures" / "scrub_templates.txt"
# The number of texts per template.
_TEXTS_OF_TEMPLATE = {"private": 5, "harmless": 4, "named": 9, "unnamed": 4, "rare": 9}
FILLERS: dict[str, Callable[[random.Random], str]] = {
    "{id}": lambda chance: str(chance.randint(1, 999_999)),
    "{zip}": lambda chance: str(chance.randint(10_000, 99_999)),
    "{big}": lambda chance: str(chance.randint(2_000_000_000, 9_999_999_999)),
    "{uuid}": lambda chance: "-".join("".join(chance.choices("0123456789abcdef", k=size)) for size in (8, 4, 4, 4, 12)),
    "{hex}": lambda chance: "".join(chance.choices("0123456789abcdef", k=40)),
    "{ms}": lambda chance: str(chance.randint(1, 99_999)),
    "{time}": lambda chance: f"2026-0{chance.randint(1, 9)}-{chance.randint(10, 28)}T08:{chance.randint(10, 59)}:07.250Z",
    "{ip}": lambda chance: f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}",
}


@dataclass(frozen=True)
class Text:
    """One text: its kind, its private values (none: harmless), and whether its template was held out."""

    kind: str
    text: str
    private: tuple[str, ...]
    is_held_out: bool


def make_texts(group: str, seed: int) -> Iterator[Text]:
    """Return the texts of a group: private, harmless, named (with a person's name) or unnamed (capitals, but no name)."""
    for kind, is_held_out, templates in _read_templates(group):
        chance = random.Random(f"{seed} {kind} {is_held_out}")
        make = MAKERS.get(kind)
        for template in templates:
            for _ in range(_TEXTS_OF_TEMPLATE[group]):
                value = make(chance) if make else ("", ())
                shown, parts = (value, (value,)) if isinstance(value, str) else value
                yield Text(kind, _fill(template, shown, chance), parts, is_held_out)


def _read_templates(group: str) -> Iterator[tuple[str, bool, list[str]]]:
    """Read sections of the file: a headline with group, kind and perhaps "held out", then one template per line."""
    for section in _TEMPLATES.read_text().split("## ")[1:]:
        headline, *lines = section.strip().split("\n")
        found, kind, *held_out = headline.split(" | ")
        if found == group:
            yield kind, bool(held_out), [line.replace("\\n", "\n") for line in lines if line]


def _fill(template: str, value: str, chance: random.Random) -> str:
    """Return the template with the value, and with random ids and numbers."""
    for name, make in FILLERS.items():
        while name in template:
            template = template.replace(name, make(chance), 1)
    return template.replace("{x}", value)

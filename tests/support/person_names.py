"""Random names by their frequency in the 1990 US census, rare ones included, and names from elsewhere."""

import random
from pathlib import Path

_TEXT = (Path(__file__).resolve().parents[1] / "fixtures" / "people.txt").read_text()
_FIRST, _LAST, _ELSEWHERE, _RARE_FIRST, _RARE_LAST = (part.partition("\n")[2] for part in _TEXT.split("## ")[1:])
FIRST_NAMES = tuple(_FIRST.split())
# A quarter of them is not among the surnames that the scrubber knows.
SURNAMES = tuple(_LAST.split())
ELSEWHERE = tuple(_ELSEWHERE.strip().split("\n"))
# None of these is in a list of the scrubber: first names that few people have, surnames below rank 25,000 of the census.
RARE_FIRST_NAMES = tuple(_RARE_FIRST.split())
RARE_SURNAMES = tuple(_RARE_LAST.split())
_FORMS = (*["{f} {l}"] * 5, "{F} {L}", "{l}, {f}", "{f} {m}. {l}", "{f} {m} {l}", "{F} {m} {L}")


def make_name(chance: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return a name as written, and the parts of it that must be scrubbed."""
    if chance.random() < 0.12:
        name = chance.choice(ELSEWHERE)
        return name, (name.split()[0], name.split()[-1])
    first, last, form = chance.choice(FIRST_NAMES), chance.choice(SURNAMES), chance.choice(_FORMS)
    shown = form.format(f=first, l=last, F=first.upper(), L=last.upper(), m=chance.choice("ABCDEFGHJKLMNPRSTW"))
    return shown, ((first.upper(), last.upper()) if "{F}" in form else (first, last))


def make_rare_name(chance: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return a name that no list knows, in one of the usual forms, and its parts."""
    first, last = chance.choice(RARE_FIRST_NAMES), chance.choice(RARE_SURNAMES)
    form = chance.choice(("{f} {l}", "{f} {l}", "{F} {L}", "{f} {m}. {l}", "{l}, {f}", "{f} O'{l}", "{f} {l}-{k}"))
    other = chance.choice(RARE_SURNAMES)
    shown = form.format(f=first, l=last, F=first.upper(), L=last.upper(), m=chance.choice("ABCDEFGHJKLMNPRSTW"), k=other)
    return shown, ((first.upper(), last.upper()) if "{F}" in form else (first, last))

"""Finds streets as six languages of Europe write them, with the postal code and the town behind them."""

from callwatch.scrubbing.detectors.rules import Rule, make_rule

_STREET = r"[A-ZÀ-Ü][\wà-ü'-]{2,30}(?: [A-ZÀ-Ü][\wà-ü'-]{2,30}){0,2}"
_TOWN = r"(?:(?:,| -)? (?:[A-Z]{1,2}-)?\d{4,5}(?: [A-Z]{2})? [A-ZÄÖÜÀ-Ý][\wäöüßà-ü-]{1,30})?(?![\w-])"
STREETS_ABROAD = (
    make_rule(
        "straße* strasse* str.* weg* platz* allee* gasse* damm* ufer* straat* laan*",
        r"(?<![\w.-])[A-ZÄÖÜ][\wäöüß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan) \d{1,4} ?[a-z]?"
        + _TOWN,
        "[address]",
    ),
    make_rule(
        "rue boulevard chemin impasse avenue",
        r"(?<![\w.-])\d{1,4}(?: bis| ter)?,? (?:rue|boulevard|chemin|impasse|avenue) (?:(?:de|du|des|de la|la|le|d'|l')[ ]?){0,2}"
        + _STREET
        + _TOWN,
        "[address]",
    ),
    make_rule(
        "via viale piazza",
        rf"(?<![\w.-])(?:[Vv]ia(?:le)?|[Pp]iazza) (?:(?:del|della|di) )?{_STREET},? \d{{1,4}}(?=,? \d{{5}} [A-Z])" + _TOWN,
        "[address]",
    ),
    # "call" begins most of what a monitor of calls reads.
    Rule(
        ("calle ", "avenida "),
        rf"(?<![\w.-])(?:[Cc]alle|[Aa]venida) (?:(?:de|del|la|las|los) ){{0,2}}{_STREET},? (?:n[°º.]? ?)?\d{{1,4}}" + _TOWN,
        "[address]",
    ),
)

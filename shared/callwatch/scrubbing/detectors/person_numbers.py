"""Finds numbers of persons and accounts after their names, each in the form that its country gives it, and answers to secrets."""

import re

from callwatch.scrubbing.detectors.rules import Rule, make_rule

PERSON_NUMBERS: tuple[Rule, ...] = (
    make_rule(
        "ni nino national",
        r"\b(ni (?:number|no\.?)|nino|national insurance(?: number| no\.?)?)(\W{1,4}(?:is )?)[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
        r"\1\2[ssn]",
        re.I,
    ),
    make_rule(
        "sin social",
        r"\b(sin(?: number| no\.?)?|social insurance(?: number| no\.?)?)([ ]?[:#=]?[ ]?(?:is )?)\d{3}[ -]?\d{3}[ -]?\d{3}(?![\w.-])",
        r"\1\2[ssn]",
        re.I,
    ),
    make_rule(
        "aadhaar aadhar uidai",
        r"\b(aadhaa?r|uidai)((?: number| no\.?)?\W{1,4}(?:is )?)\d{4}[ -]?\d{4}[ -]?\d{4}(?![\w-])",
        r"\1\2[ssn]",
        re.I,
    ),
    make_rule("pan", r"\b(PAN|pan)((?: card)?(?: number| no\.?)?\W{1,4}(?:is )?)[A-Z]{5}\d{4}[A-Z]\b", r"\1\2[ssn]"),
    make_rule(".*", r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])", "[ssn]"),
    make_rule(
        "last",
        r"\b(last[ -]?(?:4|four)(?: digits)?(?: of)?(?: (?:the|my|your|his|her|their))? (?:ssn|social(?: security)?(?: number)?)"
        r"(?: is| was|:|=)?[ ]?)\d{4}\b",
        r"\1[ssn]",
        re.I,
    ),
    make_rule("sort", r"\b(sort[ -]?code)(\W{1,4}(?:is )?)\d{2}[ -]?\d{2}[ -]?\d{2}(?![\w-])", r"\1\2[account]", re.I),
    make_rule(
        "member subscriber policy insured",
        r"\b((?:member|subscriber|policy|insured)(?: id| number| no\.?| #))(\W{1,4}(?:is )?)[A-Z]{1,4}\d{6,14}\b",
        r"\1\2[account]",
        re.I,
    ),
    # The machine-readable line of a passport or an identity card, which is filled up to its length.
    make_rule(
        "<<",
        r"(?<![A-Z0-9<])[PIACV][A-Z<][A-Z]{4,40}(?:<[A-Z]{1,30}){0,3}<<[A-Z][A-Z<]{1,60}<",
        "[licence]",
    ),
    make_rule(
        "plate",
        r"\b((?:licen[cs]e |number )?plate(?: number| no\.?| #)?)(\W{1,4}(?:is )?)"
        r"(?=[A-Z]{0,4}[ -]?\d)(?=\d{0,4}[ -]?[A-Z])[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2,4}\b",
        r"\1\2[licence]",
    ),
    make_rule(
        "security secret challenge",
        r"\b((?:security|secret|challenge) answer)(\s?[:=]\s?| is | was )[^\s,;\"'][^\n,;\"']{0,60}",
        r"\1\2[credentials]",
        re.I,
    ),
    # The words that restore a wallet.
    make_rule(
        "seed recovery mnemonic",
        r"\b((?:seed|recovery|mnemonic) (?:phrase|words?))(\W{1,4}(?:is |are )?)[a-z]{3,8}(?:[ ,]{1,2}[a-z]{3,8}){11,23}\b",
        r"\1\2[credentials]",
        re.I,
    ),
)

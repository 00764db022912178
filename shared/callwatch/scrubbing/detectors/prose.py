"""Distinguishes what a person said, or what was written about a person's health, from texts of the program itself."""

import re

_FIRST_PERSON = re.compile(r"(?<![\w'])(?:i|i'm|i've|i'd|i'll|my|me|mine|myself|mi|mein|meine|mon|je|yo)(?![\w'/.])", re.I)
HEALTH = frozenset(
    "diabetes diabetic cancer tumor insulin copd stroke cardiac pacemaker stent chemotherapy dialysis oxygen emphysema asthma"
    " hypertension cholesterol medication medications medicine prescribed prescription prescriptions metformin lisinopril"
    " atorvastatin smoker smoking tobacco nicotine surgery hospital hospitalized diagnosed diagnosis hiv aids hepatitis"
    " cirrhosis"
    " kidney liver lung heart arthritis dementia alzheimer alzheimers parkinson depression anxiety bipolar seizure seizures"
    " epilepsy"
    " pregnant wheelchair nursing hospice inhaler blood pressure disability disabled doctor neuropathy lupus leukemia".split()
)
# Software has these too.
_NOT_ILL = frozenset("pressure disabled doctor nursing heart stroke blood oxygen liver".split())
_ILLNESS = re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(HEALTH - {'pressure', 'disabled'}))})(?![\w(=:/-]|\.\w)", re.I)
_THIRD_PERSON = re.compile(
    r"(?<![\w'-])(?:she|he|her|his|husband|wife|mother|father|mom|dad|son|daughter|caller|customer|patient|client|lead|member|prospect)"
    r"(?:'s)?(?![\w/.=-]) (?:\w{1,12} ){0,2}?(?:has|had|have|is|was|been|takes?|took|taking|got|gets|needs?|uses?|suffers?|says?|said|told)(?!\w)",
    re.I,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_MAX_CHARS_READ = 2_000


def is_prose(text: str) -> bool:
    """Whether a text has at least two words and is not only a path, id, expression or markup."""
    text = text.strip("'\" \t\r\n")
    return " " in text and len(_LETTERS.findall(text[:_MAX_CHARS_READ])) >= 2


def is_speech(text: str) -> bool:
    """Whether prose sounds like a person, in the first person or about health."""
    text = text[:_MAX_CHARS_READ]
    words = [word.lower() for word in _LETTERS.findall(text)]
    if len(words) < 3 or " " not in text:
        return False
    healthy = sum(word in HEALTH for word in words)
    return healthy >= 2 or (len(words) >= 4 and bool(_FIRST_PERSON.search(text))) or (healthy == 1 and len(words) >= 4)


def is_about_health(clause: str) -> bool:
    """Whether a clause anywhere in a text says that a person is ill or takes medicine."""
    found = {word.lower() for word in _ILLNESS.findall(clause)}
    if not found or len(_LETTERS.findall(clause)) < 4:
        return False
    return _FIRST_PERSON.search(clause) is not None or (not found <= _NOT_ILL and _THIRD_PERSON.search(clause) is not None)

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
_ILLNESS = HEALTH - {"pressure", "disabled"}
_PEOPLE = frozenset(
    "she he her his husband wife mother father mom dad son daughter caller customer patient client lead member prospect".split()
)
# Of these, software has none.
_ONLY_PEOPLE = frozenset(
    "she he her his hers him wife mother mom dad daughter caller customer patient prospect spouse beneficiary policyholder".split()
)
_SAY = frozenset(
    "has had have is was been take takes took taking got gets need needs use uses suffer suffers say says said told".split()
)
# Words are looked up in sets: an expression that lists them all takes 20 ms of a start to compile.
_WORD = re.compile(r"(?<![\w.-])[^\W\d_]+(?![\w(=:/-]|\.\w)")
_SUBJECT = re.compile(r"(?<![\w'-])([^\W\d_]{2,8})(?:'s)?\Z")
_PLAIN_WORD = re.compile(r"\w{1,12}")
# A verb follows its subject directly, or after two words at most: "the caller's wife now has".
_VERB_WITHIN = 3
_MIN_WORDS_OF_SUMMARY = 5
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


def is_about_person(text: str) -> bool:
    """Whether prose reports on a person: "Caller agreed to the plan and wants a call back"."""
    words = [word.lower() for word in _LETTERS.findall(text[:_MAX_CHARS_READ])]
    return len(words) >= _MIN_WORDS_OF_SUMMARY and not _ONLY_PEOPLE.isdisjoint(words)


def is_about_health(clause: str) -> bool:
    """Whether a clause anywhere in a text says that a person is ill or takes medicine."""
    found = {word.lower() for word in _WORD.findall(clause)} & _ILLNESS
    if not found or len(_LETTERS.findall(clause)) < 4:
        return False
    return _FIRST_PERSON.search(clause) is not None or (not found <= _NOT_ILL and _says_of_a_person(clause))


def _says_of_a_person(clause: str) -> bool:
    """Whether a person is the subject of a verb, such as "she has" or "the caller's wife now takes"."""
    words = clause.split(" ")
    for index, word in enumerate(words):
        subject = _SUBJECT.search(word[-20:])
        if subject and subject[1].lower() in _PEOPLE and _has_verb(words[index + 1 : index + 1 + _VERB_WITHIN]):
            return True
    return False


def _has_verb(words: list[str]) -> bool:
    for word in words:
        head = _PLAIN_WORD.match(word)
        if head is None:
            return False
        if head[0].lower() in _SAY:
            return True
        if head[0] != word:
            return False
    return False

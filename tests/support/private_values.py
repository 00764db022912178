"""Random private values of each kind, in all usual spellings."""

import random
from collections.abc import Callable

from tests.support.person_names import FIRST_NAMES, SURNAMES, make_name, make_rare_name

_SAYINGS = (
    "I had a heart attack two years ago",
    "my husband passed away in March",
    "I take insulin twice a day",
    "I can only afford forty dollars",
    "my social is on the card here",
    "The doctor says I have early COPD",
    "we smoke about a pack a day",
    "call me back after my dialysis",
)
_ILLNESSES = (
    "diabetes",
    "COPD",
    "stage four cancer",
    "emphysema",
    "early dementia",
    "asthma",
    "kidney failure",
    "a heart condition",
    "epilepsy",
    "neuropathy",
)
_TELLERS = (
    "I was diagnosed with {x} in {year}",
    "my husband has {x} since {year}",
    "I've been treated for {x} for {few} years",
    "she had {x} in {year}",
    "my {x} got worse in {year}",
    "the customer says he has {x} since {year}",
    "her mother was in hospital with {x}",
    "I take {drug} for {x} every day",
    "caller said she needs {drug} because of {x}",
    "I am on dialysis {few} times a week",
    "I'm on oxygen and {drug} since {year}",
)
# A value as it is written, or with the parts of it that must be scrubbed.
Value = str | tuple[str, tuple[str, ...]]


def phone(chance: random.Random) -> str:
    """Return a number of the North American plan in one of its formats."""
    a, b, c = chance.choice([212, 305, 415, 646, 718, 808, 972]), chance.randint(200, 999), f"{chance.randint(0, 9999):04}"
    forms = ["{a}{b}{c}", "+1{a}{b}{c}", "({a}) {b}-{c}", "{a}-{b}-{c}", "{a}.{b}.{c}", "{a} {b} {c}", "1-{a}-{b}-{c}"]
    forms += ["{a}\u2011{b}\u2011{c}", "{a}\u2013{b}\u2013{c}", "{a}\u00a0{b}\u00a0{c}", "+1 ({a}) {b}-{c}"]
    return chance.choice(forms).format(a=a, b=b, c=c)


def national_phone(chance: random.Random) -> str:
    """Return a number as dialed in another country."""

    def digits(size: int) -> str:
        return "".join(chance.choices("0123456789", k=size))

    german = [f"030 {digits(6)}-{digits(2)}", f"0171 {digits(7)}", f"+49 30 {digits(7)}"]
    british = [f"020 7{digits(3)} {digits(4)}", f"07{digits(3)} {digits(6)}", f"+44 20 7{digits(3)} {digits(4)}"]
    with_zero = [f"(0)30 {digits(7)}", f"(0)171 {digits(3)} {digits(4)}", f"00 44 20 7{digits(3)} {digits(4)}"]
    return chance.choice([*german, *british, *with_zero, f"06 {digits(2)} {digits(2)} {digits(2)} {digits(2)}"])


def email(chance: random.Random) -> str:
    """Return a personal address at one of a few domains."""
    first, last = chance.choice(FIRST_NAMES).lower(), chance.choice(SURNAMES).lower()
    local = chance.choice([f"{first}.{last}", f"{first[0]}{last}{chance.randint(1, 99)}", f"{first}+crm", f"{last}_{first}"])
    return f"{local}@{chance.choice(['gmail.com', 'corp-example.org', 'mail.example.co.uk', 'aol.com'])}"


def card(chance: random.Random) -> str:
    """Return a number with a valid check digit, in groups or not."""
    digits = chance.choice(["4", "51", "55", "6011"])
    digits += "".join(chance.choices("0123456789", k=15 - len(digits)))
    total = sum(sum(divmod(int(d) * 2, 10)) if index % 2 == 0 else int(d) for index, d in enumerate(digits))
    digits += str(-total % 10)
    gap = chance.choice(["", " ", "-", "\u2013"])
    return gap.join(digits[n : n + 4] for n in range(0, 16, 4))


def ssn(chance: random.Random) -> str:
    """Return a social security number with hyphens or dashes."""
    return chance.choice(["-", "-", "\u2013"]).join(
        [str(chance.randint(100, 665)), f"{chance.randint(1, 99):02}", f"{chance.randint(1, 9999):04}"]
    )


def address(chance: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return a street address, in any case, some with the town."""
    name = chance.choice(
        [
            "Larkspur Hollow",
            "Main",
            "Maple",
            "N 5th",
            "Old Mill",
            "Peachtree",
            "Martin Luther King",
            "Rosewood",
            "Sycamore",
            "W Oak Ridge",
            "Kensington",
        ]
    )
    ending = chance.choice(["Road", "Rd", "Street", "Avenue", "Ave", "Lane", "Blvd", "Pkwy"])
    number = chance.randint(10, 19999)
    shown = f"{number} {name} {ending}"
    shown = chance.choice([shown, shown, shown.upper()])
    town = chance.choice(["", "", ", Dallas, TX 75201", ", Tampa FL 33602", " Apt 4B"])
    return shown + town, (shown,)


def city(chance: random.Random) -> str:
    """Return a city followed by its state."""
    return chance.choice(
        [
            "Austin, TX",
            "Tampa, FL",
            "Boise, ID",
            "Springfield, IL",
            "Salt Lake City, UT",
            "Tulsa, OK",
            "Los Angeles, CA",
            "Pittsburgh, PA 15222",
            "Naples, FL 34102",
        ]
    )


def dob(chance: random.Random) -> str:
    """Return a date of birth."""
    year, month, day = chance.randint(1930, 1990), chance.randint(1, 12), chance.randint(1, 28)
    word = ["January", "March", "May", "July", "October", "December"][month % 6]
    return chance.choice(
        [
            f"{month:02}/{day:02}/{year}",
            f"{year}-{month:02}-{day:02}",
            f"{word} {day}, {year}",
            f"{day} {word} {year}",
            f"{word} {day}th {year}",
        ]
    )


def make_secret_word(chance: random.Random) -> str:
    """Return a random password or token."""
    letters, digits, capitals = "abcdefghjkmnpqrstuvwxyz", "23456789", "ABCDEFGHJK"
    return "".join([*chance.choices(letters, k=5), *chance.choices(digits, k=4), *chance.choices(capitals, k=4)])


def vendor_token(chance: random.Random) -> str:
    """Return a token with a vendor's prefix."""
    body = "".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=36))
    prefix = chance.choice(
        [
            "hf_",
            "dop_v1_",
            "shpat_",
            "pypi-",
            "lin_api_",
            "ya29.",
            "sntrys_",
            "vercel_",
            "ghp_",
            "glpat-",
            "npm_",
            "sk-proj-",
            "gsk_",
            "r8_",
            "hvs.",
            "dckr_pat_",
            "xoxb-",
            "sk_live_",
        ]
    )
    return prefix + body


def saying(chance: random.Random) -> str:
    """Return a sentence of a caller."""
    return chance.choice(_SAYINGS)


def illness(chance: random.Random) -> str:
    """Return a sentence about a person's illness or medicine."""
    words = {"x": chance.choice(_ILLNESSES), "drug": chance.choice(("metformin", "insulin", "lisinopril", "an inhaler"))}
    return chance.choice(_TELLERS).format(**words, year=chance.randint(1990, 2026), few=chance.choice(("two", "three", "nine")))


def mbi(chance: random.Random) -> str:
    """Return a Medicare id."""
    return chance.choice(["1EG4-TE5-MK73", "2AC3-CD4-EF56", "1EG4TE5MK73", "9TT9-RR8-YY77"])


def iban(chance: random.Random) -> str:
    """Return a bank account of another country, in any case."""
    number = chance.choice(
        ["GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606", "NL91ABNA0417164300"]
    )
    return chance.choice([number, number.lower(), " ".join(number[n : n + 4] for n in range(0, len(number), 4))])


def quill(chance: random.Random) -> str:
    """Return a surname as the value of a query."""
    return chance.choice(["Quillfeather", "Bramblewick", "Ashgrovely", "Thornbeck", "Mistlethwaite"]) + str(chance.randint(1, 99))


MAKERS: dict[str, Callable[[random.Random], Value]] = {
    "phone": phone,
    "phone elsewhere": national_phone,
    "email": email,
    "card": card,
    "ssn": ssn,
    "address": address,
    "city": city,
    "dob": dob,
    "secret": make_secret_word,
    "vendor token": vendor_token,
    "speech": saying,
    "illness": illness,
    "medicare": mbi,
    "iban": iban,
    "query": quill,
    "name": make_name,
    "name of no list": make_rare_name,
}

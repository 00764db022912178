"""Finds street addresses, and cities before their state; a number before any word that also ends street names is not enough."""

import re

from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word
from callwatch.scrubbing.detectors.rules import list_heads

# Endings that rarely follow a number and a word in other texts, and endings that do ("12 Google Drive files").
_STRONG = frozenset(
    "street avenue ave road rd boulevard blvd lane ln parkway pkwy highway hwy terrace ter turnpike causeway esplanade".split()
)
_WEAK = frozenset(
    "st drive dr court ct way place pl circle cir trail trl square sq loop run path row alley plaza plz crossing xing cove point ridge".split()
)
# Endings that are words of other texts too, and the kinds of words before them that are.
_WORDY = frozenset("way place circle trail square loop run path row alley lane drive court crossing cove point ridge".split())
_WORD_KINDS = (Kind.ENGLISH, Kind.PLAIN, Kind.PLAIN_FIRST, Kind.PLAIN_LAST)
_NUMBER = re.compile(r"(?<![\w.#$-])(?:\d{1,6}[A-Za-z]?|\d{1,4}-\d{1,4})[ ]{1,2}(?=[^\W_])")
_PIECE = re.compile(r"[^\s,;\"<>()\[\]{}]{1,25}")
_NAME = re.compile(r"[^\W_][\w'.-]*")
TRIGGERS = list_heads(_STRONG | _WEAK)
_MAX_STREET_CHARS = 100
_COMMON_STREETS = frozenset(
    "main oak park maple cedar pine elm lake hill walnut spring springs north south east west ridge church willow mill"
    " sunset sunrise"
    " railroad cherry center highland forest river meadow broad chestnut first second third fourth fifth sixth seventh"
    " eighth ninth"
    " tenth washington lincoln jefferson madison jackson franklin adams king queen martin luther martin state market"
    " broadway front"
    " college court garden green grove valley view woodland school union bridge dogwood hickory laurel magnolia orchard poplar"
    " birch ash sycamore aspen juniper peach holly ivy rose lee old new grand central liberty hilltop lakeview country club"
    " canyon desert"
    " hollow run branch bend crest glen cliff shore hills heights gate brook trail crossing pond point rd knoll dale view"
    " meadows gardens"
    " ocean beach bay harbor island mountain summit stone rock creek brook fox deer eagle hawk saint ne nw se sw n s e w".split()
)
_BEHIND = re.compile(
    r"(?:,?[ ](?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Lot|Bldg|#)\.?[ ]?#?\w{1,6})?"
    r"(?P<town>,?[ ,]{1,2}(?:[^\W\d_][\w'.-]{1,20}[ ]?){1,3},?[ ]{1,2}(?P<state>[A-Za-z]{2})\b\.?)?(?:,?[ ]\d{5}(?:-\d{4})?(?!\d))?",
    re.I,
)
_ENDS = re.compile(r"\s*(?:$|[\r\n,;.)\]}\"'<|&])")
# The first three digits of the ZIP codes of each state, as the Postal Service assigns them.
_ZIPS: dict[str, tuple[tuple[int, int], ...]] = {
    "AK": ((995, 999),), "AL": ((350, 369),), "AR": ((716, 729),), "AZ": ((850, 865),), "CA": ((900, 961),), "CO": ((800, 816),),
    "CT": ((60, 69),), "DC": ((200, 205),), "DE": ((197, 199),), "FL": ((320, 349),), "GA": ((300, 319), (398, 399)), "HI": ((967, 968),),
    "IA": ((500, 528),), "ID": ((832, 838),), "IL": ((600, 629),), "IN": ((460, 479),), "KS": ((660, 679),), "KY": ((400, 427),),
    "LA": ((700, 714),), "MA": ((10, 27), (55, 55)), "MD": ((206, 219),), "ME": ((39, 49),), "MI": ((480, 499),), "MN": ((550, 567),),
    "MO": ((630, 658),), "MS": ((386, 397),), "MT": ((590, 599),), "NC": ((270, 289),), "ND": ((580, 588),), "NE": ((680, 693),),
    "NH": ((30, 38),), "NJ": ((70, 89),), "NM": ((870, 884),), "NV": ((889, 898),), "NY": ((5, 5), (100, 149)), "OH": ((430, 459),),
    "OK": ((730, 749),), "OR": ((970, 979),), "PA": ((150, 196),), "PR": ((6, 9),), "RI": ((28, 29),), "SC": ((290, 299),),
    "SD": ((570, 577),), "TN": ((370, 385),), "TX": ((733, 733), (750, 799), (885, 885)), "UT": ((840, 847),), "VA": ((201, 201), (220, 246)),
    "VT": ((50, 59),), "WA": ((980, 994),), "WI": ((530, 549),), "WV": ((247, 268),), "WY": ((820, 831),),
}  # fmt: skip
_STATE_NAMES = {
    "Alabama": "AL", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO", "Connecticut": "CT", "Delaware": "DE",
    "Florida": "FL", "Georgia": "GA", "Idaho": "ID", "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY",
    "Louisiana": "LA", "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS",
    "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM",
    "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA",
    "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT",
    "Virginia": "VA", "Washington": "WA", "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
}  # fmt: skip
_CITY = re.compile(
    r"(?<![\w.'-])(?P<city>[^\W\d_][\w'.-]{1,20}(?:[ ][^\W\d_][\w'.-]{1,20}){0,2})(?P<comma>,?)[ ]{1,2}(?P<state>[A-Z]{2}|"
    + "|".join(sorted(_STATE_NAMES, key=len, reverse=True))
    + r")(?P<zip>,?[ ]{1,2}\d{5}(?:-\d{4})?(?![\w-]))?(?!\w)"
)
# Two letters that in capitals are a word or a unit as often as a state.
_WORDLIKE_STATES = frozenset("IN OR OK ME HI ID DE MS PA MD CO AL LA PR AR".split())
_CITIES = frozenset(
    "new york|los angeles|chicago|houston|phoenix|philadelphia|san antonio|san diego|dallas|san"
    " jose|austin|jacksonville|fort worth"
    "|columbus|charlotte|indianapolis|san francisco|seattle|denver|oklahoma city|nashville|washington|el paso|las"
    " vegas|boston|detroit"
    "|portland|memphis|louisville|baltimore|milwaukee|albuquerque|tucson|fresno|sacramento|mesa|kansas city|atlanta|omaha"
    "|colorado springs|raleigh|long beach|virginia"
    " beach|miami|oakland|minneapolis|tulsa|bakersfield|tampa|wichita|arlington|aurora"
    "|new orleans|cleveland|anaheim|honolulu|henderson|stockton|riverside|lexington|corpus"
    " christi|orlando|irvine|cincinnati|santa ana"
    "|newark|saint paul|st paul|st. paul|pittsburgh|greensboro|lincoln|durham|plano|anchorage|jersey city|st louis|st."
    " louis|saint louis|chandler|north las vegas"
    "|chula vista|buffalo|gilbert|reno|madison|fort wayne|toledo|lubbock|st petersburg|st."
    " petersburg|laredo|irving|chesapeake|winston-salem|glendale"
    "|scottsdale|garland|boise|norfolk|port st lucie|spokane|richmond|fremont|huntsville|tacoma|baton rouge|santa"
    " clarita|san bernardino"
    "|hialeah|frisco|modesto|cape coral|fontana|moreno valley|des"
    " moines|rochester|fayetteville|yonkers|mckinney|worcester|salt lake city"
    "|little rock|columbia|augusta|sioux falls|grand prairie|tallahassee|huntington"
    " beach|peoria|knoxville|vancouver|overland park"
    "|springfield|jackson|providence|mobile|fort lauderdale|chattanooga|tempe|santa"
    " rosa|eugene|salem|dayton|pasadena|savannah|naples"
    "|brooklyn|bronx|queens|white plains|cedar rapids|green bay|ann arbor|grand rapids|rapid city|iowa city|bowling green|hot springs".split(
        "|"
    )
)


def mask_addresses(text: str) -> str:
    """The text with `[address]` for each street with its number and the town after it."""
    parts, done, at = [], 0, 0
    while match := _NUMBER.search(text, at):
        end = _end_of_street(text, match.end())
        if not end:
            at = match.end()
            continue
        parts.append(f"{text[done : match.start()]}[address]")
        done = at = end
    return "".join((*parts, text[done:])) if parts else text


def _end_of_street(text: str, start: int) -> int:
    """The end of the address whose number stands before `start`; 0 if it is not an address."""
    for piece in _PIECE.finditer(text, start, start + _MAX_STREET_CHARS):
        word = piece[0].rstrip(".'").lower()
        if piece.start() > start and (word in _STRONG or word in _WEAK):
            name = text[start : piece.start()]
            if _is_count(text[:start].rstrip(), name.split(), word):
                return _end_with_town(text, piece.end())
            return (
                _find_accepted_end(text, name.split(), word, piece.end() - piece[0].endswith("'"))
                if "," not in name and name.count(" ") <= 5
                else 0
            )
    return 0


def _is_count(before: str, words: list[str], ending: str) -> bool:
    """Whether a small number counts what follows: "5 Dry Run", "2 Fast Lane"."""
    number = before.rpartition(" ")[2]
    kinds = [classify_word(word) for word in words]
    return (
        ending in _WORDY and number.isdigit() and len(number) < 3 and bool(kinds) and all(kind in _WORD_KINDS for kind in kinds)
    )


def _find_accepted_end(text: str, words: list[str], ending: str, end: int) -> int:
    if any(not _NAME.fullmatch(word) for word in words):
        return 0
    names = [word for word in words if word.lower().rstrip(".") not in _COMMON_STREETS and not word[0].isdigit()]
    plain = sum(classify_word(word) == Kind.PLAIN for word in names)
    if names and ending not in _STRONG and all(classify_word(word) == Kind.ENGLISH for word in names):
        # "6 Milky Way", "2 Fast Lane": words of English before a word that rarely ends a street.
        return _end_with_town(text, end)
    if plain and (ending not in _STRONG or plain > 1 or len(names) == plain or not all(word[0].isupper() for word in names)):
        return 0
    behind = _BEHIND.match(text, end)
    if behind and (state := behind["state"]) and state.upper() not in _ZIPS:
        behind = None
    stop = behind.end() if behind else end
    is_named = any(classify_word(word) in (Kind.FIRST, Kind.LAST, Kind.UNKNOWN, Kind.ENGLISH) for word in names)
    is_title = all(word[0].isupper() or word[0].isdigit() for word in words)
    has_more = stop > end
    if not has_more and _is_part_of_title(text, end):
        return 0
    if ending in _STRONG:
        is_street = is_title or is_named or has_more or bool(_ENDS.match(text, end))
    else:
        is_street = has_more or (is_title and (is_named or bool(_ENDS.match(text, end)) or len(names) < len(words)))
    return stop if is_street else 0


_NEXT = re.compile(r" ([A-Z][a-z]{2,20})(?![\w.,'-])")
_OF_STREETS = frozenset(
    "north south east west northeast northwest southeast southwest upper lower apt apartment suite unit floor".split()
)


def _is_part_of_title(text: str, end: int) -> bool:
    """Whether a capitalized word of software follows immediately, as in "12 Main Street Maps"."""
    following = _NEXT.match(text, end)
    if following is None or following[1].lower() in _OF_STREETS:
        return False
    return classify_word(following[1]) in (Kind.PLAIN, Kind.ENGLISH)


def _end_with_town(text: str, end: int) -> int:
    """The end of an address whose words could be others: only with an apartment, a town or a ZIP code behind them."""
    behind = _BEHIND.match(text, end)
    is_town = behind and (not behind["state"] or behind["state"].upper() in _ZIPS)
    return behind.end() if behind and is_town and behind.end() > end else 0


def mask_cities(text: str) -> str:
    """The text with `[city], TX [zip]` for a city before its state."""
    return _CITY.sub(_mask_city, text)


def _mask_city(match: re.Match[str]) -> str:
    state = _STATE_NAMES.get(match["state"], match["state"])
    if state not in _ZIPS:
        return match[0]
    digits = "".join(filter(str.isdigit, match["zip"] or ""))[:3]
    is_zip = bool(digits) and any(low <= int(digits) <= high for low, high in _ZIPS[state])
    words = match["city"].split(" ")
    # The words before the city may belong to the sentence: "lives in Salt Lake City, UT".
    for first in range(len(words)):
        rest = words[first:]
        if _is_city(rest, state, bool(match["comma"]), bool(digits), is_zip):
            head = " ".join(words[:first])
            zip_code = " [zip]" if digits else ""
            return f"{head}{' ' if head else ''}[city], {match['state']}{zip_code}"
    return match[0]


def _is_city(words: list[str], state: str, has_comma: bool, has_zip: bool, is_zip: bool) -> bool:
    if not words[0][0].isupper():
        return False
    if " ".join(words).lower() in _CITIES:
        return has_comma or is_zip or (has_zip and state not in _WORDLIKE_STATES)
    kinds = [classify_word(word) for word in words]
    if Kind.PLAIN in kinds:
        # "Rolling Meadows, IL 60008": a ZIP code of that very state shows that even plain words are a place.
        return has_comma and is_zip and kinds[-1] != Kind.PLAIN and len(words) > 1
    if not all(word[0].isupper() for word in words):
        return False
    is_place = all(kind in (Kind.LAST, Kind.FIRST, Kind.UNKNOWN) for kind in kinds)
    if has_comma:
        return has_zip or state not in _WORDLIKE_STATES or (Kind.UNKNOWN in kinds and is_place)
    # Without a comma, "Session ID 83201" and "Root CA 94105" have the shape of a town with its ZIP code.
    return is_place and (is_zip or (has_zip and state not in _WORDLIKE_STATES))

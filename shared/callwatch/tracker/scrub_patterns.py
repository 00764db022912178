"""What personal data and secrets look like in text, and under which keys they stand."""

import re
from collections.abc import Callable
from re import Match

# A text without any of these characters in these neighbourhoods holds nothing that the patterns below find.
HINT = re.compile(
    r"@|\d[\d\s().+-]{6,}\d|://|-----BEGIN|eyJ|agt_|sk[-_]|AKIA|gh[pousr]_|xox|whsec_"
    r"|(?i:bearer|basic|token|secret|passw|pwd|api.?key|cookie|authorization|signature|credential"
    r"|medicare|\bmbi\b|licen[cs]e|account|routing|iban|\bdob\b|birth|\bssn\b|\bzip\b|street|\bave|road|drive|lane|\bblvd"
    r"|name|\bst\b|\bapt\b|court|\bbox\b)"
)


def _phone(match: Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[phone]" if _is_phone(digits) else match[0]


def _is_phone(digits: str) -> bool:
    """North American numbering plan: area code and exchange begin with 2..9; an 11th digit in front is 1."""
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) != 10:
        return 11 <= len(digits) <= 15
    return national[0] in "23456789" and national[3] in "23456789"


def _card(match: Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[card]" if 13 <= len(digits) <= 19 and digits[0] in "23456" and has_luhn(digits) else match[0]


def has_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the Luhn algorithm (ISO/IEC 7812-1)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_NOT_IN_NUMBER = r"(?<![\w.:/=#-])"
Replacement = str | Callable[[Match[str]], str]

# In the order in which they are tried: what holds others (a PEM block, a URL) before what it holds.
PATTERNS: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"-----BEGIN ([A-Z ]{3,40})-----.{0,20000}?(?:-----END \1-----|\Z)", re.DOTALL), "[pem]"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@:\"']{0,200}:[^\s/@\"']{1,300}@"), r"\1[credentials]@"),
    (
        re.compile(r"https?://[^\s\"'<>]{0,300}?(?:recording|\.mp3|\.wav|\.ogg|\.m4a)[^\s\"'<>]{0,500}", re.I),
        "[recording-url]",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), "[token]"),
    (
        re.compile(r"\b(?:agt_|sk[-_](?:live|test|proj|ant)?[-_]?|gh[pousr]_|xox[abprs]-|whsec_|AKIA|ASIA)[\w+/=-]{8,}"),
        "[token]",
    ),
    (re.compile(r"\b(bearer|basic|token)(\s+)[\w.+/=~-]{8,}", re.I), r"\1\2[token]"),
    (
        re.compile(
            r"(?P<key>[\w-]{0,40}(?:auth_?token|access_?token|api[_-]?key|apikey|secret|passwo?r?d|passwd|pwd|signature"
            r"|credential|session_?id|x-agency-token|x-webhook-secret|x-admin-secret|auth[_-]?key)[\w-]{0,20}"
            r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)(?!\[)[^\s\"'&,;}{)]{2,400}",
            re.I,
        ),
        r"\g<key>[token]",
    ),
    (
        re.compile(r"\b((?:set-)?cookie|authorization)([\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?!\[)[^\r\n\"']{4,2000}", re.I),
        r"\1\2[token]",
    ),
    (re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6}", re.I), "[email]"),
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), "[ssn]"),
    (re.compile(r"\b(ssn|social security(?: number)?)(\W{1,4})\d{3}[ -]?\d{2}[ -]?\d{4}\b", re.I), r"\1\2[ssn]"),
    (re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)"), _card),
    (
        re.compile(
            r"\b[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b"
        ),
        "[medicare]",
    ),
    (re.compile(r"\b(medicare(?: id| number)?|mbi)(\W{1,4})[A-Z0-9-]{10,14}\b", re.I), r"\1\2[medicare]"),
    (
        re.compile(r"\b(date of birth|birth ?date|dob|born(?: on)?)(\W{1,4})\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}", re.I),
        r"\1\2[dob]",
    ),
    (
        re.compile(r"\b(driver'?s? licen[cs]e(?: number)?|dl ?(?:#|number))(\W{1,4})[A-Z0-9-]{5,20}", re.I),
        r"\1\2[licence]",
    ),
    (
        re.compile(
            r"\b((?:bank )?account(?: number| no\.?)?|routing(?: number)?|iban)(\W{1,4})(?=[A-Z0-9 -]*\d{4})[A-Z]{0,2}\d[\dA-Z -]{5,32}\d",
            re.I,
        ),
        r"\1\2[account]",
    ),
    (
        re.compile(
            r"\b\d{1,6}\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w'.]{0,20}\s+){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr"
            r"|Lane|Ln|Court|Ct|Way|Place|Pl|Terrace|Circle|Highway|Hwy|Parkway|Pkwy)\b\.?(?:,?\s+(?:Apt|Suite|Unit|#)\.?\s*\w{1,6})?"
        ),
        "[address]",
    ),
    (re.compile(r"\b(zip(?: ?code)?|postal code)(\W{1,4})\d{5}(?:-\d{4})?\b", re.I), r"\1\2[zip]"),
    (re.compile(r"\b([A-Z]{2}) \d{5}(?:-\d{4})?\b(?=$|[\s,.;])"), r"\1 [zip]"),
    (re.compile(_NOT_IN_NUMBER + r"\+\d[\d\s().-]{8,17}\d(?![\w-])"), _phone),
    (re.compile(r"(?<![\w./=#-])(?:1[\s.-]?)?\(\d{3}\)[\s.-]?\d{3}[\s.-]?\d{4}(?!\w)"), "[phone]"),
    (re.compile(r"(?<![\w.:/=#-])(?:1[\s.-])?\d{3}[\s.-]\d{3}[\s.-]\d{4}(?![\w-]|\.\d)"), _phone),
    (
        re.compile(
            r"\b(phone(?:[ _]?number)?|mobile|cell|tel(?:ephone)?|fax|call(?:ed|ing|er)?|dial(?:ed|ing)?|sms|callback|ani|dnis)"
            r"([\"']?[\s:=#]{1,4}(?:to |from |at |number )?[\"']?)\+?1?\d{10}\b",
            re.I,
        ),
        r"\1\2[phone]",
    ),
    (
        re.compile(
            r"\b((?:customer|agent|caller|contact|client|patient|lead|first|last|full)[ _]?name)([\"']?\s{0,2}[:=]\s{0,2}[\"']?)"
            r"(?!\[)[A-Z][\w'.-]{1,30}(?: [A-Z][\w'.-]{1,30}){0,2}",
            re.I,
        ),
        r"\1\2[name]",
    ),
)

# Keys whose whole value goes, by the mark that takes its place. Compared without case, `-`, `_` and blanks.
_KEYS = {
    "token": (
        "authorization proxyauthorization cookie setcookie cookies token authtoken accesstoken refreshtoken idtoken"
        " convosoauthtoken xagencytoken xwebhooksecret xadminsecret xapikey apikey secret clientsecret password passwd pwd"
        " credentials convosocredentials session sessionid csrf csrftoken privatekey signature agencytoken webhooksecret"
        " adminsecret connectionstring databaseurl dsn"
    ),
    "name": (
        "name firstname lastname fullname middlename customername agentname callername contactname username customer"
        " beneficiary policyholder spouse spousename leadname"
    ),
    "phone": (
        "phone phonenumber primaryphone altphones mobile cell telephone fax callerid ani dnis customerphone agentphone"
        " fromnumber tonumber callback callbacknumber"
    ),
    "email": "email emailaddress agentemail customeremail useremail mail",
    "address": "address streetaddress street address1 address2 addressline1 addressline2 homeaddress",
    "city": "city town",
    "zip": "zip zipcode postalcode postcode",
    "ssn": "ssn socialsecurity socialsecuritynumber",
    "card": "card cardnumber creditcard ccnumber cvv cvc pan",
    "account": "accountnumber bankaccount routingnumber iban routing",
    "dob": "dob dateofbirth birthdate birthday",
    "licence": "driverslicense driverlicense driverslicence licensenumber dlnumber",
    "medicare": "medicare medicareid medicarenumber mbi",
    "ip": "ipaddress remoteaddr clientip xforwardedfor xrealip",
    "recording-url": "recordingurl recording audiourl",
    "transcript": "transcript transcripttext redacted diarized utterances keyquotes",
}
MARK_BY_KEY = {key: f"[{kind}]" for kind, keys in _KEYS.items() for key in keys.split()}
# "name" names people in the product's data, and everything else in the world of software.
HARMLESS_NAME_PARENTS = frozenset(
    {"runtime", "os", "browser", "device", "app", "sdk", "contexts", "packages", "trace", "modules"}
)


def mark_of_key(key: str) -> str | None:
    """The mark for a value under this key, or None where the key says nothing about it."""
    return MARK_BY_KEY.get(re.sub(r"[\s_-]", "", key).lower())

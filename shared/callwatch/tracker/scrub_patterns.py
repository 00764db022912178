"""What personal data and secrets look like in text, each with the letters without which it cannot be there."""

import base64
import re
from collections.abc import Callable
from re import Match

from callwatch.tracker import scrub_numbers as numbers

Replacement = str | Callable[[Match[str]], str]
# A rule: one of these letters must be in the lower-case text (none: always looked for), then what to find and to put.
Rule = tuple[tuple[str, ...], re.Pattern[str], Replacement]

_AUDIO = re.compile(
    r"\.(?:mp3|wav|ogg|m4a|flac|opus|webm|amr|gsm)\b|/recordings?/[^/?#]|//recordings?[.-][^/]*/\S|[?&]recording", re.I
)
_WORDS_AFTER_BEARER = frozenset(
    "token tokens authentication authorization auth scheme realm error is was are required missing invalid header credentials"
    " expired access not failed format and or with for from in the an to of must prefix type challenge none null only".split()
)
_STATES = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
# Two letters that are a state, and no word in capitals.
_PLAIN_STATES = "A[KLRZ]|C[AOT]|FL|GA|I[AL]|K[SY]|LA|M[DINOST]|N[CDEHJMVY]|OH|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
_CAPITAL = r"[A-Z][a-z'\u2019-]*[A-Za-z]"
_NOT_A_PERSON = frozenset(
    "not found error errors service unavailable connection timed out timeout request response failed failure was is has id name"
    " invalid missing unknown queue table record row server api webhook data type state status support team list page portal"
    " manager center call calls disconnected closed refused reset with for from the and".split()
)


def _userinfo(match: Match[str]) -> str:
    # "host:8080/@scope" has a port where a password would stand.
    return match[0] if re.match(r"\d{1,5}(?:/|$)", match["password"]) else f"{match['scheme']}[credentials]@"


def _bearer(match: Match[str]) -> str:
    return match[0] if match[3].lower().strip(".:,") in _WORDS_AFTER_BEARER else f"{match[1]}{match[2]}[token]"


def _basic(match: Match[str]) -> str:
    try:
        plain = base64.b64decode(match[3] + "=" * (-len(match[3]) % 4), validate=True)
    except ValueError:
        return match[0]
    return f"{match[1]}{match[2]}[token]" if b":" in plain else match[0]


def _url(match: Match[str]) -> str:
    return "[recording-url]" if _AUDIO.search(match[0]) else match[0]


def _email(match: Match[str]) -> str:
    # "user@2x.png" is a picture, "left-pad@1.3.0" a package, "git@github.com:" a place of code.
    domain = match["domain"].lower()
    is_other = re.match(r"\d+(?:\.\d|x\.(?:png|jpe?g|webp|gif|svg|avif)$)", domain) or match[0].lower() == "git@github.com"
    return match[0] if is_other else "[email]"


def _person(match: Match[str]) -> str:
    words = match["name"].split()
    return match[0] if any(word.lower().rstrip(".") in _NOT_A_PERSON for word in words) else f"{match['before']}[name]"


def _rule(letters: str, pattern: str, replacement: Replacement, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    return tuple(letters.split()), re.compile(pattern, flags), replacement


# In the order in which they are tried: what holds others (a PEM block, a URL) before what it holds.
SECRETS: tuple[Rule, ...] = (
    _rule("-----begin", r"-----BEGIN ([A-Z0-9 ]{3,40})-----.*?(?:-----END \1-----|\Z)", "[pem]", re.DOTALL),
    _rule(
        "@",
        r"(?P<scheme>(?<![\w+.-])[A-Za-z][\w+.-]*+://)[^\s/@:\"'<>]*+:(?P<password>[^\s\"'<>]{1,300})@(?=[\w.\[-])",
        _userinfo,
    ),
    # A key alone, as in the address that SDKs are given.
    _rule("@", r"(?<=://)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}(?=@[\w.\[-])", "[credentials]"),
    _rule("://", r"(?<!\w)(?:https?|s3|gs)://[^\s\"'<>]+", _url, re.I),
    _rule("eyj", r"\beyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?", "[token]"),
    _rule("agt_", r"\bagt_(?:[\w-]*\d[\w-]*|[\w-]{6,})", "[token]", re.I),
    _rule(
        "sk- sk_ rk_ pk_ ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ xox whsec_ glpat- npm_ sg. aiza hooks.slack",
        r"(?<![A-Za-z0-9])(?:sk-(?=[\w-]*\d)[\w-]{12,}|[srp]k_(?:live|test)_\w{6,}|gh[pousr]_\w{12,}|github_pat_\w{12,}"
        r"|xox[abeprs]-[\w-]{8,}|whsec_[\w+/=-]{6,}|glpat-[\w-]{10,}|npm_\w{20,}|SG\.[\w-]{10,}\.[\w-]{10,}|AIza[\w-]{30,})",
        "[token]",
    ),
    _rule("hooks.slack", r"https://hooks\.slack\.com/\S+", "[token]"),
    _rule("akia asia", r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b", "[token]"),
    # PostgreSQL shows the whole row that broke a constraint.
    _rule("failing row", r"\b(failing row contains )\([^\0]*(?:\)|\Z)", r"\1[row]", re.I),
    _rule(
        "token secret password passwd key",
        r"(?<![\w-])(x-agency-token|x-webhook-secret|x-admin-secret|auth_token|api[_ -]?key|password|passwd|passcode|secret)(\s+(?:is |was )?)"
        r"(?=[^\s\d]{0,200}\d)(?=[^\sA-Za-z]{0,200}[A-Za-z])[\w.+/=~!@#$%^*-]{6,200}",
        r"\1\2[token]",
        re.I,
    ),
    _rule("key= code= auth= sig= sid=", r"([?&;](?:key|code|auth|sig|sid)=)(?=[^&\s]{0,200}\d)[\w.~+/-]{8,}", r"\1[token]", re.I),
    _rule(
        "password passwd passcode secret",
        r"(?<![\w-])((?:password|passwd|passcode|secret)(?: is| was)?)( )([\"'])(?!\[)[^\"'\r\n]{1,200}\3",
        r"\1\2\3[token]\3",
        re.I,
    ),
    _rule("bearer", r"\b(bearer)(\s+|%20|\+)(?!\[)([\w.+/=~-]{3,})", _bearer, re.I),
    _rule("basic", r"\b(basic)(\s+|%20|\+)([A-Za-z0-9+/]{6,}={0,2})", _basic, re.I),
    _rule("token", r"\b(token)(\s+)(?=[\w.+/~-]*\d)[\w.+/~-]{8,}=*", r"\1\2[token]", re.I),
)
PLAIN: tuple[Rule, ...] = (
    _rule(
        "@ \uff20",
        r"(?<![\w.+%'-])[\w.+%'-]++[@\uff20](?P<domain>[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[^\W\d_][\w-]{1,23})",
        _email,
    ),
    _rule("@ <[email]>", rf"(?:\"[^\"<>\r\n]{{1,80}}\"|{_CAPITAL}(?: {_CAPITAL}){{1,2}})(?= ?<\[email\]>)", "[name]"),
    _rule(
        "ssn social",
        r"\b(ssn|social security(?: number| no\.?)?)(\W{1,4}(?:is )?)\d{3}[ .-]?\d{2}[ .-]?\d{4}\b",
        r"\1\2[ssn]",
        re.I,
    ),
    _rule(
        "medicare mbi hicn",
        r"\b(medicare(?: id| number| no\.?| beneficiary(?: id)?)?|mbi|hicn)(\W{1,4}(?:is )?)(?=[A-Z-]*\d)[A-Z0-9-]{8,14}\b",
        r"\1\2[medicare]",
        re.I,
    ),
    _rule(
        "birth dob born",
        r"\b(date[ _]of[ _]birth|birth ?da(?:te|y)|dob|born(?: on| in)?)(\W{1,4}(?:is |was )?)"
        r"(?:\d{1,4}[/. -]\d{1,2}[/. -]\d{1,4}|\d{8}\b|[A-Za-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2} [A-Za-z]{3,9} \d{4})",
        r"\1\2[dob]",
        re.I,
    ),
    _rule(
        "licen dl",
        r"\b((?:driver'?s?|driving|drivers) licen[cs]e(?: number| no\.?| id| #)?|licen[cs]e (?:number|no\.?|#)|dl ?(?:#|number|no\.?))"
        r"(\W{1,4}(?:is )?)(?=[A-Z-]{0,4}\d)[A-Z0-9-]{5,20}\b",
        r"\1\2[licence]",
        re.I,
    ),
    # With the two letters alone only what begins as a licence does: "DL D400-7836-0001", not "dl 1048576".
    _rule("dl", r"\b(DL|D\.L\.)(\W{1,3}(?:is )?)(?=[A-Z]{1,2}-?\d{3})[A-Z0-9-]{6,20}\b", r"\1\2[licence]"),
    _rule(
        "account acct routing aba",
        r"\b((?:bank )?(?:account|acct)\.?(?: number| no\.?| num| #)|bank (?:account|acct)|routing(?: number| no\.?)?|aba(?: number| routing)?"
        r"|account|acct)(\W{1,4}(?:is )?)(?=(?:[ -]?\d){8})\d[\d -]{5,32}\d\b",
        r"\1\2[account]",
        re.I,
    ),
    _rule(
        "card",
        r"\b((?:credit|debit|bank)? ?card(?: number| no\.?| num)?)(\W{1,4}(?:is )?)\d(?:[ -]?\d){11,18}\b",
        r"\1\2[card]",
        re.I,
    ),
    _rule(
        "zip postal postcode",
        r"\b(zip(?: ?code)?|postal code|postcode)(\W{1,4}(?:is |code )?)(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b",
        r"\1\2[zip]",
        re.I,
    ),
    _rule(
        "phone mobile cell tel fax call dial sms ani dnis text number from to",
        r"(?<![A-Za-z])(phone(?:[ _]?(?:number|no))?|mobile|cell|tel(?:ephone)?|fax|call(?:ed|ing|er|back)?|dial(?:l?ed|l?ing)?|sms|ani|dnis)"
        r"([\"']?[\s:=#.]{1,4}(?:to |from |at |on |number |is )?[\"']?)"
        r"(?:\+?1?\d{10}(?!\d)|\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)|\d{3}[.-]\d{4}(?![\d.-]))",
        r"\1\2[phone]",
        re.I,
    ),
    _rule(
        "name customer agent caller client patient lead policyholder beneficiary spouse insured applicant contact rep member",
        r"(?P<before>\b(?:[Cc]ustomer|[Aa]gent|[Cc]aller|[Cc]lient|[Pp]atient|[Ll]ead|[Pp]olicyholder|[Bb]eneficiary|[Ss]pouse|[Ii]nsured"
        r"|[Aa]pplicant|[Cc]ontact|[Rr]ep|[Mm]ember|(?<=my )name(?= is)|(?<=My )name(?= is))(?: name| named)?(?: is| was)?[:=]? [\"']?)"
        rf"(?P<name>{_CAPITAL}(?: [A-Z]\.?)?(?: {_CAPITAL}){{1,2}})",
        _person,
    ),
    _rule(
        "mr ms mrs miss dr dear",
        rf"(?P<before>\b(?:Mrs?|Ms|Miss|Dr|Dear(?: Mrs?\.?| Ms\.?)?)\.? )(?P<name>{_CAPITAL}(?: {_CAPITAL})?)\b",
        _person,
    ),
    (
        (", ",),
        re.compile(
            rf"\b(?:{_CAPITAL} ){{0,2}}{_CAPITAL}, (?P<state>{_PLAIN_STATES})(?P<zip>,? \d{{5}}(?:-\d{{4}})?)?(?=[\s.,;)\"']|$)"
        ),
        lambda match: f"[city], {match['state']}{' [zip]' if match['zip'] else ''}",
    ),
    _rule("box", r"\bP\.? ?O\.? Box \d{1,8}\b", "[address]", re.I),
)
# These begin with a digit, and with none of them in the text nothing of the kind is there.
_STREETS = "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Way|Place|Pl|Terrace|Ter|Circle|Cir|Highway|Hwy|Parkway|Pkwy|Trail|Square|Sq"
_TOWN = rf"(?:,?\s+(?:{_CAPITAL} ?){{1,3}},?\s+(?:{_STATES})\b\.?)?(?:\s+\d{{5}}(?:-\d{{4}})?\b)?"
NUMERIC: tuple[Rule, ...] = (
    (
        (),
        re.compile(
            rf"(?<![\w.-])\d{{1,6}}[A-Za-z]?\s+(?:[NSEW]{{1,2}}\.?\s+|North |South |East |West )?(?:(?:[A-Z][\w'.]{{0,20}}|\d{{1,3}}(?:st|nd|rd|th))\s+){{1,4}}(?:{_STREETS})\b\.?"
            rf"(?:,?\s+(?:Apt|Suite|Ste|Unit|Floor|#)\.?\s*\w{{1,6}})?{_TOWN}"
        ),
        "[address]",
    ),
    (
        (),
        re.compile(r"(?<![\w.-])\d{1,5} [a-z]{3,15} (?:street|avenue|ave|boulevard|blvd|lane|road|drive)(?=[,.;]|$)"),
        "[address]",
    ),
    (
        (),
        re.compile(rf"\b(?:{_CAPITAL} ){{0,2}}{_CAPITAL},? (?P<state>{_STATES}),? \d{{5}}(?:-\d{{4}})?\b"),
        r"[city], \g<state> [zip]",
    ),
    ((), numbers.IBAN, numbers.iban),
    ((), numbers.CARD, numbers.card),
    ((), numbers.WIDE_CARD, numbers.card),
    ((), numbers.SSN, "[ssn]"),
    (
        (),
        re.compile(
            r"\b[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b"
        ),
        "[medicare]",
    ),
    ((), numbers.PLUS_PHONE, "[phone]"),
    ((), numbers.OO_PHONE, numbers.oo_phone),
    ((), numbers.BRACKETED_PHONE, "[phone]"),
    ((), numbers.GROUPED_PHONE, numbers.grouped_phone),
    ((), numbers.HALF_GROUPED_PHONE, numbers.grouped_phone),
    ((), numbers.BARE_PHONE, numbers.bare_phone),
)


def apply(rules: tuple[Rule, ...], text: str, lower: str) -> str:
    """The text after each rule whose letters are in `lower`, the text in lower case."""
    for letters, pattern, replacement in rules:
        if not letters or any(letter in lower for letter in letters):
            text = pattern.sub(replacement, text)
    return text

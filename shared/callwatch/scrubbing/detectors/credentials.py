"""Finds passwords, keys and tokens by their context: URLs, headers, sentences, command lines, links."""

import base64
import re
from re import Match

from callwatch.scrubbing.detectors.command_lines import COMMAND_RULES
from callwatch.scrubbing.detectors.rules import RuleSet, make_rule

_AUDIO = re.compile(
    r"\.(?:mp3|wav|ogg|m4a|flac|opus|webm|amr|gsm)\b|/recordings?/[^/?#]|//recordings?[.-][^/]{0,200}/\S|[?&]recording", re.I
)
_WORDS_AFTER_BEARER = frozenset(
    "token tokens authentication authorization auth scheme realm error is was are required missing invalid header credentials"
    " expired access not failed format and or with for from in the an to of must prefix type challenge none null only".split()
)
# Words that follow "password" in a sentence about passwords.
_NO_PASSWORD = frozenset(
    "is was are were be been has have had must may can cannot could should does did do not no and or for from in on of to at"
    " by with the"
    " a an this that field file policy policies reset resets hash hashes hashing change changed changes required rule rules"
    " prompt manager"
    " expired expires expiry expiration incorrect invalid wrong missing empty mismatch mismatched too authentication auth"
    " length strength"
    " form input check checks failed failure failures error errors attempt attempts recovery confirmation encryption update"
    " updated"
    " provided supplied given grant given based protected encrypted store stored storage validation validator verification"
    " verified"
    " contains containing longer shorter min max minimum maximum characters requirements request requests link email token"
    " if when while before after again supplied specified set unset login using flow page screen step type provider env"
    " variable"
    " variables secret secrets key keys argument option value parameter column table you your entered none null true false".split()
)
_LINK_WORDS = "reset|verify|verification|confirm|confirmation|invite|invitation|magic|magic-link|activate|activation|unsubscribe|recover|recovery|password|signup|login|signin|share|shared"


def _mask_userinfo(match: Match[str]) -> str:
    # "host:8080/@scope" has a port where a password would stand.
    return match[0] if re.match(r"\d{1,5}(?:/|$)", match["password"]) else f"{match['scheme']}[credentials]@"


def _mask_bearer(match: Match[str]) -> str:
    return match[0] if match[3].lower().strip(".:,=") in _WORDS_AFTER_BEARER else f"{match[1]}{match[2]}[token]"


def _mask_basic(match: Match[str]) -> str:
    try:
        plain = base64.b64decode(match[3] + "=" * (-len(match[3]) % 4), validate=True)
    except ValueError:
        return match[0]
    return f"{match[1]}{match[2]}[token]" if b":" in plain else match[0]


def _mask_url(match: Match[str]) -> str:
    return "[recording-url]" if _AUDIO.search(match[0]) else match[0]


def _mask_said(match: Match[str]) -> str:
    """Mask a password in a sentence: not a word that is common in such sentences, and not their remainder."""
    value = match["value"].strip("\"'()[]{}.,;:!")
    if not value or value.lower() in _NO_PASSWORD or match["value"].startswith(("[", "%", "${")):
        return match[0]
    has_sign = any(not sign.isalpha() for sign in value)
    is_behind_with = bool(match["with"])
    if not has_sign and not is_behind_with and match["value"][:1] not in "\"'(":
        return match[0]
    tail = match["value"][len(match["value"].rstrip("\"')]}.,;:!")) :] if match["value"][-1:] in "\"')]}.,;:!" else ""
    head = match["value"][:1] if match["value"][:1] in "\"'([{" else ""
    return f"{match['before']}{head}[token]{tail}"


# In the order of application: patterns that contain others (a PEM block, a URL) come before what they contain.
SECRETS = RuleSet(
    (
        *COMMAND_RULES,
        make_rule("-----begin", r"-----BEGIN ([A-Z0-9 ]{3,40})-----.*?(?:-----END \1-----|\Z)", "[pem]", re.DOTALL),
        make_rule(
            "@",
            r"(?P<scheme>(?<![\w+.-])[A-Za-z][\w+.-]*+://)[^\s/@:\"'<>]*+:(?P<password>[^\s\"'<>]{1,300})@(?=[\w.\[-])",
            _mask_userinfo,
        ),
        # user:password@host:port without a scheme
        make_rule(
            "@",
            r"(?<![\w.:/@+-])[\w.-]{1,40}:(?=[^\s@/]{0,100}[^\s@/a-z])[^\s@/:'\"]{4,100}@(?=[\w-]{1,60}(?:\.[\w-]{1,60}){0,6}:\d{2,5}\b)",
            "[credentials]@",
        ),
        # A key alone, as in the URL that SDKs get.
        make_rule("@", r"(?<=://)(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{16,200}(?=@[\w.\[-])", "[credentials]"),
        make_rule("://", r"(?<!\w)(?:https?|s3|gs)://[^\s\"'<>]+", _mask_url, re.I),
        make_rule(
            "reset verify confirm invite invitation magic activate unsubscribe recover password signup login signin share shared",
            rf"(?P<before>/(?:{_LINK_WORDS})[\w-]{{0,30}}/(?:[a-z-]{{1,20}}/){{0,2}})(?=[\w.~%-]{{0,200}}\d)[\w.~%-]{{10,400}}",
            r"\g<before>[token]",
            re.I,
        ),
        make_rule("eyj*", r"\beyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+){0,3}", "[token]"),
        # What an identity provider exchanges for tokens.
        make_rule(
            "code",
            r"([\"']code\\{0,3}[\"']\s?:\s?\\{0,3}[\"'])(?=[^\"'\s]{0,200}\d)(?=[^\"'\s]{0,200}[a-z])(?=[^\"'\s]{0,200}[A-Z/])[\w./+~-]{20,500}(?=\\{0,3}[\"'])",
            r"\1[token]",
        ),
        make_rule("agt_", r"\bagt_(?:[\w-]{0,200}\d[\w-]*|[\w-]{6,})", "[token]", re.I),
        make_rule("sg.", r"(?<![\w.])SG\.[\w-]{10,200}\.[\w-]{10,200}", "[token]"),
        # PostgreSQL shows the whole row that violated a constraint.
        make_rule("copy", r"\b(COPY [\w.\"]{1,100}, line \d{1,12}: )\"[^\r\n]{1,2000}", r"\1[row]"),
        make_rule("failing", r"\b(failing row contains )\([^\0]*(?:\)|\Z)", r"\1[row]", re.I),
        make_rule(
            "x-agency-token x-webhook-secret x-admin-secret auth_token api apikey api_key api-key password passwd passcode"
            " secret access auth refresh session license signing private client",
            r"(?<![\w-])(x-agency-token|x-webhook-secret|x-admin-secret|auth_token|api[_ -]?key|password|passwd|passcode|client secret"
            r"|(?:secret|access|license|signing|private)[ _-]key|(?:auth|access|refresh|session)[ _-]token|secret)(\s+(?:is |was )?)"
            r"(?=[^\s\d]{0,200}\d)(?=[^\sA-Za-z]{0,200}[A-Za-z])[\w.+/=~!@#$%^*-]{6,200}",
            r"\1\2[token]",
            re.I,
        ),
        make_rule(
            "password passwd passcode secret",
            # A secret of a cluster or a manager has a name, about which a message says something.
            r"(?<![\w-])((?:password|passwd|passcode|secret)(?: is| was)?)( )([\"'])(?!\[)[^\"'\r\n]{1,200}\3"
            r"(?! (?:not found|is forbidden|was not found|does not exist|already exists|is missing|has no|of type|in namespace|could not be))",
            r"\1\2\3[token]\3",
            re.I,
        ),
        make_rule(
            "password passwd passcode passphrase pwd",
            r"(?P<before>(?P<with>\bwith (?:the )?|\busing (?:the )?)?(?<![\w-])(?:password|passwd|passcode|passphrase|pwd)(?:[ ](?:is|was|of|for \S{1,60}|you entered|entered|provided|given|supplied|used)){0,2}[ ]{1,2})(?P<value>[^\s]{2,200})",
            _mask_said,
            re.I,
        ),
        make_rule(
            "password passwd passcode passphrase pwd secret token api apikey",
            r"(?<![\w-])((?:password|passwd|passcode|passphrase|pwd|secret|token|api[_-]?key)\s{0,2}[:=]\s{0,2}[({\[<])(?![({\[<]|token\]|[A-Za-z_.]{2,60}\}(?![\w]))[^\s(){}\[\]<>,\"':=]{2,200}([)}\]>])[^\s,;&\"')]{0,100}",
            r"\1[token]\2",
            re.I,
        ),
        make_rule(
            "key= code= auth= sig= sid= otp= ticket= t= oobcode= invite= invitation= hash= magic= confirm= verify= reset=",
            r"([?&;](?:key|code|auth|sig|sid|otp|ticket|t|oobcode|invite|invitation|hash|magic|confirm|verify|reset)=)(?=[^&\s]{0,200}\d)[\w.~+/%-]{8,}",
            r"\1[token]",
            re.I,
        ),
        make_rule(
            "password passwd passcode passphrase pwd",
            r"(?<![\w-])((?:password|passwd|passcode|passphrase|pwd)(?: is| was)?(?: ?[:=] ?| - )[\"']?)(?!\[)(?=[^\s\"']{0,100}\d)[^\s\"',;&)]{4,100}",
            r"\1[token]",
            re.I,
        ),
        make_rule(
            "your password",
            r"\b(your (?:new |temporary |old )?(?:password|passcode|pin) is:? [\"']?)(?!\[|(?:not|no|too|a|the|in|un|being|now|invalid|incorrect|wrong|expired|required|weak|still|about|set|going)\b)[^\s\"',;]{4,100}",
            r"\1[token]",
            re.I,
        ),
        # Codes for one sign-in; "error code 1062" is another kind of code.
        make_rule(
            "otp pin passcode verification security access auth login confirmation one 2fa mfa sms reset your code",
            r"\b((?:otp|pin|passcode|(?:verification|security|access|auth(?:entication)?|log-?in|sign-?in|confirmation|one[- ]time|2fa|mfa|sms|reset|your) (?:code|pin|pass(?:code|word)))"
            r"(?:[ ](?:is|was|of))?[ ]?[:=]?[ ][\"']?)\d{4,8}(?![\w.])",
            r"\1[token]",
            re.I,
        ),
        # A vendor's message shows the ends of a key.
        make_rule("****", r"(?<![\w*-])[\w-]{2,40}\*{3,200}[\w-]{2,40}", "[token]"),
        make_rule(
            "authorization",
            r"(authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?)(?:digest|oauth|hawk|signature|aws4-hmac-sha256)\s(?!\[)[^\r\n]{5,2000}",
            r"\1[token]",
            re.I,
        ),
        make_rule(
            "-signature", r"\b([\w-]{0,30}-signature(?:-\d{3})?\s{0,2}[:=]\s{0,2})(?!\[)[^\s\"'&;]{8,500}", r"\1[token]", re.I
        ),
        make_rule("bearer", r"\b(bearer)(\s+|%20|\+)(?!\[)([\w.+/=~-]{3,})", _mask_bearer, re.I),
        make_rule("basic", r"\b(basic)(\s+|%20|\+)([A-Za-z0-9+/]{6,}={0,2})", _mask_basic, re.I),
        make_rule("token authtoken", r"\b((?:auth)?token)(\s+)(?=[\w.+/~-]{0,200}\d)[\w.+/~-]{8,}=*", r"\1\2[token]", re.I),
        make_rule(
            "accountkey sharedaccesskey instrumentationkey",
            r"\b((?:AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey)=)[^\s;\"']{8,400}",
            r"\1[token]",
            re.I,
        ),
    )
)

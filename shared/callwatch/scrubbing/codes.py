"""Which words and numbers of a message are codes of software: an allow-list, as prose may hold a name in capitals or an illness."""

import errno
import re

# Words that error codes of vendors, drivers and runtimes consist of.
_WORDS = frozenset(
    """
    abort aborted accepted access account action active actions address already and api app arg argument array arguments as
    assertion async at auth authentication authorization available back backend bad balance base batch be billing blocked body boundary
    broken buffer bucket busy cache call cancelled canceled certificate change channel check child client closed cluster code column
    command completed completion config conflict connect connection constraint content context cookie corrupt count credential
    credentials credit credits cursor data database deadline deadlock decode decryption denied deploy destroyed detected digest dir
    directory disabled disk dns document domain down duplicate empty encode encoding encryption end engine entity entry environment
    error event exception exceeded exceeds execute exist exists expected expired export failed failure fetch field file filter find
    flag flow for foreign forbidden format found frame free from function gateway generation get grant group handle handler handshake
    hard has hash header headers heap host http id import in index infinite input instance insufficient integer integrity internal
    into invalid invocation io is issuer item job json key keys large length level limit limited line link loop loader load locale lock
    locked long lookup loss lost malformed many max maximum memory message messages method mime min missing mode model module modules
    moved must name network new nil no not null number object offline offset ok on open operation option options or order origin out
    over overflow overloaded page params parse parameter partition password path payload payment peer pending permission pipe plan
    policy pool port precondition premature process processing project protocol provider proxy query queue quota range rate read
    reached ready record redirect reference refused region rejected relation release remote removed replica request requests required
    reset resource response restricted result retries retry return role route rows run running schema scope script security send sent
    server service session set shutdown signal signature size slow socket soft source space stack stage start state statement status
    stop storage store stream string subscription suspended syntax system table task temporarily temporary tenant text thread throttled
    throttling time timed timeout timestamp tls to token tokens too transaction transport tries type types unauthenticated
    unauthorized unavailable undefined unexpected unhandled unique unknown unprocessable unreachable unsafe unsupported until update
    upload upstream uri url usage use user utf value version violates violation violated wait webhook without worker write wrong zone
    """.split()
)
_ERRNO = frozenset(errno.errorcode.values()) | frozenset(
    "EAI_AGAIN EAI_FAIL EAI_MEMORY EAI_NODATA EAI_NONAME EOF ENOTFOUND EPUBLISHCONFLICT ERESOLVE EINTEGRITY ELIFECYCLE".split()
)
# The classes of SQLSTATE (PostgreSQL's documentation, appendix A, and those of MySQL). The second half of a code has three signs.
_SQLSTATE_CLASSES = frozenset(
    "00 01 02 03 07 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 70"
    " 72 F0 HV HY P0 XA XX".split()
)
_CODE = re.compile(
    r"\b(?:(?P<errno>E[A-Z0-9]{2,20}(?:_[A-Z]{2,20})?)"
    r"|(?P<node>ERR_[A-Z_]{3,40})"
    r"|(?P<name>SQLSTATE|HTTP(?:/\d\.\d)?|status(?: code)?|errno|(?:error|exit|response|with) code|(?<![A-Za-z][ -])code)"
    r"[ :=\[]{1,3}(?P<value>[0-9A-Z]{1,5})(?![\w.-]{0,20}\d)(?![A-Za-z])"
    r"|(?P<snake>[a-z]{2,20}(?:_[a-z]{2,20}){1,5}))\b"
)
_MAX_CODES = 5
_MAX_CHARS_READ = 20_000


def find_codes(message: str) -> list[str]:
    """The first codes of a message, each once and as it is written: ECONNRESET, SQLSTATE 23505, insufficient_quota."""
    found = dict.fromkeys(match[0] for match in _CODE.finditer(message[:_MAX_CHARS_READ]) if _is_code(match))
    return list(found)[:_MAX_CODES]


def _is_code(match: re.Match[str]) -> bool:
    if match["errno"]:
        return match["errno"] in _ERRNO or _has_only_words(match["errno"].removeprefix("ERR"))
    if match["name"]:
        return _is_number(match["name"], match["value"])
    return _has_only_words(match["node"] or match["snake"])


def _is_number(name: str, value: str) -> bool:
    """Whether a value is a SQLSTATE, or a number too short for a person's: postal codes have five digits."""
    if len(value) == 5:
        return name not in ("status", "errno") and value[:2] in _SQLSTATE_CLASSES and any(map(str.isdigit, value))
    return value.isdigit() and value.isascii()


def _has_only_words(code: str) -> bool:
    words = [word for word in code.lower().removeprefix("err_").split("_") if word]
    return bool(words) and all(word in _WORDS for word in words)

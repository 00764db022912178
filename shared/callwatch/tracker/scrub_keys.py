"""Under which keys personal data and secrets stand, in every spelling: customerPhone, CUSTOMER_PHONE, x-customer-phone."""

import functools
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a key says about its value: the kind; is_whole: whatever the value looks like; is_loose: only people's names."""

    kind: str
    is_whole: bool = False
    is_loose: bool = False


# Keys whose whole value goes, in lower case and without `-`, `_` and blanks.
_WHOLE = {
    "token": (
        "authorization proxyauthorization cookie setcookie cookies token authtoken accesstoken refreshtoken idtoken bearertoken"
        " convosoauthtoken xagencytoken xwebhooksecret xadminsecret xapikey apikey secret clientsecret password passwd pwd passwort"
        " passphrase passcode pass pw dbpass userpass credentials convosocredentials session sessionid sid csrf csrftoken xsrftoken privatekey agencytoken"
        " webhooksecret adminsecret connectionstring connstr databaseurl dburl dsn secretkey accesskey awssecretaccesskey"
        " awsaccesskeyid jwt xamzsecuritytoken xamzsignature xamzcredential encryptionkey signingkey"
    ),
    "name": (
        "firstname lastname fullname middlename maidenname surname givenname familyname nickname username"
        " beneficiary policyholder spouse insured fname lname customername agentname callername contactname leadname"
    ),
    "phone": (
        "phone phonenumber phones primaryphone altphones cellphone mobilephone mobilenumber telephone callerid ani dnis msisdn"
        " fromnumber tonumber callbacknumber"
    ),
    "email": "email emailaddress emails",
    "address": "streetaddress street address1 address2 addressline1 addressline2 homeaddress mailingaddress billingaddress",
    "city": "city town",
    "ssn": "ssn socialsecurity socialsecuritynumber socialsecurityno",
    "card": "cardnumber creditcard creditcardnumber ccnumber cvv cvc cvv2",
    "account": "accountnumber bankaccount bankaccountnumber acctnumber routingnumber iban",
    "dob": "dob dateofbirth birthdate birthday",
    "licence": "driverslicense driverlicense driverslicence driverlicence dlnumber",
    "medicare": "medicareid medicarenumber mbi hicn",
    "ip": "ipaddress remoteaddr clientip xforwardedfor xrealip trueclientip cfconnectingip clientaddress",
    "recording-url": "recordingurl audiourl recordinglink",
    "transcript": "transcript transcripttext diarized utterances keyquotes",
}
WHOLE = {key: kind for kind, keys in _WHOLE.items() for key in keys.split()}
# Words that name a person where a name stands under them, and a thing where anything else does.
_LOOSE = frozenset(
    "name displayname customer agent caller lead contact client user owner rep patient member employee applicant".split()
)
_PERSON = frozenset(
    "first last full middle maiden given family customer agent caller contact client patient lead user spouse beneficiary owner"
    " holder employee member insured policyholder applicant borrower nick doctor rep manager parent child".split()
)
_SECRET = frozenset(
    "token secret password passwd pwd passphrase authorization cookie cookies apikey credential credentials signature csrf xsrf"
    " jwt bearer dsn sig authtoken auth".split()
)
_SECRET_ENDS = ("password", "passwd", "secret", "apikey", "authtoken", "accesstoken")
_KEY_OWNERS = frozenset("api access private secret auth signing encryption ssh master shared webhook license".split())
_NETWORK = frozenset("ip mac remote server host net url web socket memory peer local base bind listen email mail client".split())
# A key with one of these words is about the thing, and does not hold it: phone_type, token_count, email_sent_at.
_ABOUT = frozenset(
    "id ids uuid guid count counts total type kind status state at is has had can should length len size bytes ms ns us seconds"
    " duration elapsed version format valid verified enabled required present used limit max min index expiry expires ttl"
    " sent opened bounced error errors rate class label field column table prefix hash fingerprint position expected queue queues"
    " process cron worker job stage".split()
)
_BY_WORD: tuple[tuple[str, frozenset[str]], ...] = (
    ("ssn", frozenset({"ssn", "itin"})),
    ("medicare", frozenset({"medicare", "mbi", "hicn"})),
    ("dob", frozenset({"dob", "birth", "birthday", "birthdate", "born"})),
    ("email", frozenset({"email", "emails", "mail"})),
    ("phone", frozenset("phone phones mobile cell telephone tel fax ani dnis msisdn callback dialed dialled".split())),
    ("card", frozenset({"card", "cc", "pan", "creditcard"})),
    ("account", frozenset({"account", "acct", "routing", "aba", "iban"})),
    ("licence", frozenset({"license", "licence", "dl"})),
    ("zip", frozenset({"zip", "zipcode", "postal", "postcode"})),
    ("city", frozenset({"city", "town"})),
    ("transcript", frozenset({"transcript", "transcription", "redacted", "quotes", "utterance", "utterances"})),
    ("recording-url", frozenset({"recording", "audio"})),
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Digits that a value has at least, where its key alone does not settle it.
_LEAST_DIGITS = {"phone": 7, "card": 12, "account": 5, "zip": 3, "licence": 3, "ssn": 4, "medicare": 4, "dob": 3}
_IDENTIFIER = re.compile(r"[_/:<>(){}\[\]=@\d]|\..*\.|^[a-z]+(?:-[a-z]+)+$|^[A-Z]{2,}$")
_SERVICE_NAMES = frozenset("postgres root admin system anonymous service default unknown none null undefined guest".split())
_PLACE_OF_A_MACHINE = re.compile(r"^(?:0x[0-9a-f]+|[\w.-]+:\d+|(?:\d{1,3}\.){3}\d{1,3}|\w+://\S+|[0-9a-f:]+)$", re.I)


def words_of(key: str) -> list[str]:
    """The words of a key in lower case: ["customer", "phone"] of "customerPhone2"."""
    return [word.lower() for word in _WORDS.findall(key)]


@functools.lru_cache(maxsize=4096)
def verdict_of_key(key: str) -> Verdict | None:
    """What the key says about its value; None where it says nothing."""
    if key.startswith("["):
        return None
    words = words_of(key[-80:])
    joined = "".join(words)
    if joined in WHOLE:
        return Verdict(WHOLE[joined], is_whole=True)
    if joined in _LOOSE:
        return Verdict("name", is_loose=True)
    if not words or not _ABOUT.isdisjoint(words):
        return None
    return _by_words(words)


def _by_words(words: list[str]) -> Verdict | None:
    found = set(words)
    if found & _SECRET or words[-1].endswith(_SECRET_ENDS) or (words[-1] in ("key", "keys") and found & _KEY_OWNERS):
        return Verdict("token")
    if words[-1] in ("name", "names") and found & _PERSON:
        return Verdict("name", is_whole=True)
    if {"social", "security"} <= found:
        return Verdict("ssn")
    if found & {"address", "addr", "street"}:
        return None if found & _NETWORK else Verdict("address")
    return next((Verdict(kind) for kind, known in _BY_WORD if found & known), None)


def is_private(verdict: Verdict, value: Any) -> bool:
    """Whether a value (a text, a number, a list, an object) under a key of this verdict is to go as a whole."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if verdict.is_loose:
        return isinstance(value, str) and is_person(value)
    if isinstance(value, (dict, list)):
        return verdict.is_whole and not (isinstance(value, dict) and verdict.kind in ("name", "phone", "email"))
    if verdict.is_whole:
        return True
    if verdict.kind in _LEAST_DIGITS:
        return sum(map(str.isdigit, str(value))) >= _LEAST_DIGITS[verdict.kind]
    return isinstance(value, str) and _has_shape(verdict.kind, value)


def _has_shape(kind: str, value: str) -> bool:
    if kind == "email":
        return "@" in value or "%40" in value
    if kind == "address":
        return not _PLACE_OF_A_MACHINE.match(value)
    if kind == "recording-url":
        return "/" in value
    if kind == "transcript":
        return " " in value
    return True


def is_person(value: str) -> bool:
    """Whether a text can be the name of a person: no identifier, path, number or account of a service."""
    return 1 < len(value) < 80 and not _IDENTIFIER.search(value) and value.lower() not in _SERVICE_NAMES

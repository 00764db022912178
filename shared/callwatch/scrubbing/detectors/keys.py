"""The keys that hold personal data and secrets, in every spelling: customerPhone, CUSTOMER_PHONE, x-customer-phone."""

import functools
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a key says about its value.

    kind: the kind of private data. is_whole: the value is private whatever it looks like. is_loose: only names of people are
    private. is_role: the key is a person's role, so that one unknown word is enough.
    """

    kind: str
    is_whole: bool = False
    is_loose: bool = False
    is_role: bool = False


# Keys whose whole value is private, in lowercase and without `-`, `_` and blanks.
_WHOLE = {
    "token": (
        "authorization proxyauthorization cookie setcookie cookies token authtoken accesstoken refreshtoken idtoken bearertoken"
        " convosoauthtoken xagencytoken xwebhooksecret xadminsecret xapikey apikey secret clientsecret password passwd pwd"
        " passwort"
        " passphrase passcode pass pw dbpass userpass credentials convosocredentials session sessionid sid csrf csrftoken"
        " xsrftoken privatekey agencytoken"
        " webhooksecret adminsecret connectionstring connstr databaseurl dburl dsn secretkey accesskey awssecretaccesskey"
        " awsaccesskeyid jwt xamzsecuritytoken xamzsignature xamzcredential encryptionkey signingkey pgpassword mysqlpwd"
        " redispassword"
        " rediscliauth sshpass ingestkey sentrykey sentrydsn otpcode onetimecode verificationcode resetcode pincode mfacode"
        " totpsecret otp pin smscode authcode recoverycode securityanswer kennwort contrasena motdepasse accountkey sharedaccesskey instrumentationkey"
        " gitlabsession phpsessid jsessionid connectsid clientsecretvalue oauthtoken resettoken invitetoken magiclink tokenhash"
        " codeverifier devicecode authorizationcode voiceprint biometrics"
    ),
    "name": (
        "firstname lastname fullname middlename maidenname surname givenname familyname nickname username"
        " beneficiary policyholder spouse insured fname lname customername agentname callername contactname leadname"
        " nombre nombres nombrecompleto apellido apellidos primernombre vorname nachname familienname prenom nomdefamille"
        " cognome imie nazwisko"
        " legalname preferredname beneficiaryname spousename insuredname primaryinsured secondaryinsured nameoncard"
        " cardholder cardholdername"
        " accountholder nextofkin emergencycontact mothersmaidenname personname signername recipientname patientname membername"
        " callerfirst callerlast firstlast fullnames customerfullname calleridname cnam callingpartyname originationcalleridname effectivecalleridname outboundcalleridname calleename"
    ),
    "phone": (
        "phone phonenumber phones primaryphone altphones cellphone mobilephone mobilenumber telephone callerid calleridnumber calleridnum originationcalleridnumber effectivecalleridnumber outboundcalleridnumber outboundcallerid ani dnis msisdn"
        " fromnumber tonumber callbacknumber callernumber callednumber dialednumber customernumberdialed leadphone homephone workphone"
        " telefono celular movil telefon telefonnummer rufnummer handynummer numerotelefono whatsapp smsnumber faxnumber"
        " phone1 phone2 altphone phonee164 e164"
    ),
    "email": "email emailaddress emails correo correoelectronico courriel emailto replyto",
    "address": "streetaddress street address1 address2 addressline1 addressline2 homeaddress mailingaddress billingaddress"
    " shippingaddress residence homeaddr direccion domicilio adresse anschrift strasse indirizzo addressline fulladdress"
    " propertyaddress",
    "city": "city town ciudad stadt ville municipality hometown birthplace cityofbirth",
    "zip": "zipcode postalcode codigopostal plz postleitzahl codepostal",
    "ssn": "ssn ssnlast itin taxid socialinsurancenumber nationalid nino socialsecurity socialsecuritynumber socialsecurityno",
    "card": "cardnumber creditcard creditcardnumber ccnumber cvv cvc cvv2 cardno cardnum ccnum cardcvc cardcvv securitycode",
    "account": "accountnumber bankaccount bankaccountnumber acctnumber routingnumber iban accountno acctno bankroutingnumber"
    " sortcode ein taxpayerid bankacct kontonummer clabe",
    "dob": "dob dateofbirth birthdate birthday birthyear yearofbirth fechanacimiento fechadenacimiento geburtsdatum geburtstag datenaissance dateborn",
    "licence": "vin licenseplate licenceplate platenumber driverslicense driverlicense driverslicence driverlicence dlnumber passport passportnumber passportno licensenumber",
    "medicare": "medicareid medicarenumber mbi hicn medicaidid medicaidnumber",
    "ip": "ipaddress useripaddress userip visitorip remoteip peerip sourceip callerip remoteaddr clientip xforwardedfor forwarded xrealip trueclientip cfconnectingip clientaddress",
    "recording-url": "recordingurl audiourl recordinglink",
    "transcript": "transcript transcripttext diarized utterances keyquotes medications currentmedications allergies diagnoses"
    " preexistingconditions comorbidities",
    "value": "income annualincome monthlyincome householdincome salary networth employer employername",
    "mac": "mac macaddress macaddr hwaddr",
    "location": "geolat geolng geolon latitude longitude latlng latlong latlon geolocation geocoordinates coordinates gpscoordinates",
}
WHOLE = {key: kind for kind, keys in _WHOLE.items() for key in keys.split()}
# Words that denote a person if a name is their value, and a thing otherwise.
_LOOSE = frozenset(
    "name names displayname customer agent caller lead contact client user owner rep patient member employee applicant prospect"
    " assignee author advisor broker doctor nurse recipient sender to from cc bcc person people first last who"
    " customers agents callers leads contacts clients users owners reps patients members employees applicants prospects assignees authors"
    " advisors brokers doctors nurses recipients senders persons attendees attendee participant participants speaker speakers supervisor"
    " supervisors manager managers closer closers setter underwriter adjuster approver reviewer reviewers signer signers signatory"
    " approvedby assignedto createdby updatedby modifiedby reviewedby calledby handledby transferredto transferredfrom requestedby"
    " submittedby signedby ownedby lasteditedby deletedby referredby spokenby uploadedby sentby reportedby"
    " dependent dependents guardian payer payee annuitant coapplicant cohost host guest guests operator operators teammate teammates"
    " relative relatives child parent husband wife son daughter mother father sister brother kin claimant claimants borrower borrowers"
    " householder homeowner toname fromname driver passenger student teacher subscriber customerinfo".split()
)
_ROLES = frozenset(
    "customer caller patient applicant prospect employee assignee doctor nurse recipient person customers callers patients applicants"
    " prospects employees people persons attendee attendees participant participants speaker supervisor closer underwriter adjuster"
    " approvedby assignedto createdby updatedby modifiedby reviewedby handledby requestedby submittedby signedby referredby dependent"
    " dependents guardian payee annuitant coapplicant claimant claimants borrower borrowers husband wife homeowner".split()
)
# Keys that hold people, so that a "name" in the objects under them is a person's.
_HOLDERS = _ROLES | frozenset(
    "lead leads contact contacts insured beneficiary beneficiaries policyholder policyholders spouse agent agents user users client"
    " clients member members owner rep reps speakers guest guests manager signer signers sender".split()
)
# Of these, software has some too, and their names are looked up.
_MIXED_HOLDERS = frozenset(
    "agent agents user users client clients member members owner rep reps sender manager speaker participant participants".split()
)
_PERSON = frozenset(
    "first last full middle maiden given family customer agent caller contact client patient lead user spouse beneficiary owner"
    " holder employee member insured policyholder applicant borrower nick doctor rep manager parent child"
    " speaker sender recipient supervisor closer participant attendee signer prospect claimant guardian dependent payee author advisor"
    " broker nurse person people legal preferred".split()
)
_SECRET = frozenset(
    "token secret password passwd pwd passphrase authorization cookie cookies apikey credential credentials signature csrf xsrf"
    " jwt bearer dsn sig authtoken auth".split()
)
_SECRET_ENDS = ("password", "passwd", "secret", "apikey", "authtoken", "accesstoken")
_KEY_OWNERS = frozenset(
    "api access private secret auth signing encryption ssh master shared webhook license ingest sentry service deploy publishable subscription functions storage license".split()
)
_NETWORK = frozenset("ip mac remote server host net url web socket memory peer local base bind listen email mail client".split())
# A key with one of these words describes the thing and does not hold it: phone_type, token_count, email_sent_at.
_ABOUT = frozenset(
    "id ids uuid guid count counts total type kind status state at is has had can should length len size bytes ms ns us seconds"
    " duration elapsed version format valid verified enabled required present used limit max min index expiry expires ttl"
    " sent opened bounced error errors rate class label field column table prefix hash fingerprint position expected queue family"
    " queues"
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
    ("transcript", frozenset({"transcript", "transcription", "redacted", "utterance", "utterances"})),
    ("recording-url", frozenset({"recording", "audio"})),
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# The minimum number of digits in a value whose key alone does not decide.
_MIN_DIGITS = {"phone": 7, "card": 12, "account": 5, "zip": 3, "licence": 3, "ssn": 4, "medicare": 4, "dob": 3}
# Kinds whose values hold digits, whatever the key.
_SHAPED = frozenset({"mac", "location", "ip"})
_SERVICE_NAMES = frozenset(
    "postgres root admin administrator system anonymous service default unknown none null undefined guest n/a na empty nobody app api"
    " www-data ubuntu ec2-user node nginx redis mysql rabbitmq worker bot test ci deploy github-actions callwatch".split()
)
_PLACE_OF_A_MACHINE = re.compile(r"^(?:0x[0-9a-f]+|[\w.-]+:\d+|(?:\d{1,3}\.){3}\d{1,3}|\w+://\S+|[0-9a-f:]+)$", re.I)


def split_words(key: str) -> list[str]:
    """The words of a key in lowercase: ["customer", "phone"] of "customerPhone2"."""
    return [word.lower() for word in _WORDS.findall(key)]


@functools.lru_cache(maxsize=4096)
def classify_key(key: str) -> Verdict | None:
    """What the key says about its value; None if it says nothing."""
    if key.startswith("["):
        return None
    words = split_words(key[-80:])
    joined = "".join(words)
    if joined in WHOLE:
        return Verdict(WHOLE[joined], is_whole=True)
    if joined in _LOOSE:
        return Verdict("name", is_loose=True, is_role=joined in _ROLES)
    if not words or not _ABOUT.isdisjoint(words):
        return None
    return _classify_by_words(words)


def _classify_by_words(words: list[str]) -> Verdict | None:
    found = set(words)
    if found & _SECRET or words[-1].endswith(_SECRET_ENDS) or (words[-1] in ("key", "keys") and found & _KEY_OWNERS):
        return Verdict("token")
    if words[-1] in ("name", "names") and found & _PERSON:
        return Verdict("name", is_whole=True)
    if {"social", "security"} <= found or words == ["social"]:
        return Verdict("ssn")
    if found & {"address", "addr", "street"}:
        return None if found & _NETWORK else Verdict("address")
    return next((Verdict(kind) for kind, known in _BY_WORD if found & known), None)


def is_private(verdict: Verdict, value: Any) -> bool:
    """Whether a value (a text, a number, a list, an object) under a key with this verdict is private as a whole."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if verdict.kind == "name" and isinstance(value, str) and value.lower() in _SERVICE_NAMES:
        return False
    if verdict.is_loose:
        return isinstance(value, str) and value.lower() not in _SERVICE_NAMES and _is_person(value, verdict.is_role)
    if isinstance(value, (dict, list)):
        return verdict.is_whole and not (isinstance(value, dict) and verdict.kind in ("name", "phone", "email"))
    if verdict.kind in _SHAPED:
        return isinstance(value, (int, float)) or sum(sign.isdigit() or sign in ":." for sign in str(value)) >= 3
    if verdict.is_whole:
        return True
    if verdict.kind in _MIN_DIGITS:
        return sum(map(str.isdigit, str(value))) >= _MIN_DIGITS[verdict.kind]
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


@functools.lru_cache(maxsize=1024)
def holds_people(key: str) -> bool:
    """Whether a "name" in an object under this key is a person's, whatever it looks like."""
    return _join(key) in _HOLDERS


@functools.lru_cache(maxsize=1024)
def holds_people_or_software(key: str) -> bool:
    """Whether a "name" in an object under this key may also be that of a program."""
    return _join(key) in _MIXED_HOLDERS


def _join(key: str) -> str:
    return "".join(split_words(key[-80:]))


def _is_person(value: str, is_role: bool) -> bool:
    # Imported at the first such key: a function that scrubs nothing starts without the name patterns.
    from callwatch.scrubbing.detectors.people.names import is_person

    return is_person(value, is_role)

"""Finds personal data in text: e-mails, numbers after a word that names them, and numbers by their own shape."""

import ipaddress
import re
from re import Match

from callwatch.scrubbing.detectors import numbers
from callwatch.scrubbing.detectors.exchange_formats import CARD_RULES
from callwatch.scrubbing.detectors.person_numbers import PERSON_NUMBERS
from callwatch.scrubbing.detectors.rules import Rule, RuleSet, make_rule
from callwatch.scrubbing.detectors.streets_abroad import STREETS_ABROAD

# Networks of machines. Networks reserved for examples count as a person's address.
_INSIDE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_CAPITAL = r"[A-Z][a-z'\u2019-]*[A-Za-z]"
_PUBLIC_HOMES = frozenset(
    "ubuntu runner node app ec2-user user users root admin vercel site deploy deployer circleci travis jenkins shared public"
    " default vscode"
    " www www-data web webapp git github gitlab gitlab-runner builder build ci service centos debian fedora opc azureuser"
    " vagrant pi"
    " sbx_user1051 nginx docker postgres mysql oracle python django flask celery worker all linuxbrew homebrew codespace"
    " project projects"
    " home code src work workspace data backup test dev prod staging server api guest administrator nobody nextjs bun deno callwatch name".split()
)
_MARK_OF_HOST = r"(?:MacBook(?:-?Pro|-?Air)?|MBP|MBA|iMac|Mac(?:-?mini|-?Studio)?|iPhone|iPad|PC|Laptop|Desktop|Notebook|ThinkPad|Surface|Galaxy|Pixel|XPS)"


def _mask_email(match: Match[str]) -> str:
    # "user@2x.png" is a picture, "left-pad@1.3.0" a package, "git@github.com:" a code repository.
    domain = match["domain"].lower()
    is_other = re.match(r"\d+(?:\.\d|x\.(?:png|jpe?g|webp|gif|svg|avif)$)", domain) or match[0].lower() == "git@github.com"
    return match[0] if is_other else "[email]"


def _mask_home(match: Match[str]) -> str:
    return match[0] if match["user"].lower() in _PUBLIC_HOMES else f"{match['before']}[name]"


def _mask_device(match: Match[str]) -> str:
    """The mark for a device that is called after its owner: "Anns-MacBook", and in lowercase if the lists know the name."""
    from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word

    owner = match["owner"]
    is_owner = (owner[0] + match["mark"][0]).isupper() or any(
        classify_word(name) == Kind.FIRST for name in {owner, owner.removesuffix("s")}
    )
    return "[name]-device" if is_owner else match[0]


def _mask_address_of_person(match: Match[str]) -> str:
    try:
        address = ipaddress.ip_address(match["ip"].rstrip(".:"))
    except ValueError:
        return match[0]
    is_machine = address.is_loopback or address.is_link_local or address.is_unspecified
    is_inside = any(address in network for network in _INSIDE if network.version == address.version)
    return match[0] if is_machine or is_inside else f"{match['before']}[ip]"


def _mask_halves(match: Match[str]) -> str:
    from callwatch.scrubbing.detectors.people.kinds import WORDS, classify_word

    is_masked = "[name]" in (match["first"], match["last"])
    are_words = not is_masked and all(classify_word(match[half]) in WORDS for half in ("first", "last"))
    return match[0] if are_words else f"{match['before']}[name]{match['between']}[name]"


def _mask_place(match: Match[str]) -> str:
    latitude, longitude = float(match["lat"]), float(match["lon"])
    is_place = abs(latitude) <= 90 and abs(longitude) <= 180 and (min(latitude, longitude) <= -10 or match["word"])
    return f"{match['word'] or ''}[location]" if is_place else match[0]


PLAIN = RuleSet(
    (
        make_rule(
            "@",
            r"(?:(?<![\w.+%'-])[\w.+%'-]++|(?<!\w)\"[\w.+ '-]{1,64}\")@(?P<domain>[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[^\W\d_][\w-]{1,23})"
            # An address without a gap before it, whose beginning looks like the end of this one.
            r"(?:[\w.+%'-]*+@[\w-]*+(?:\.[\w-]++)*+)*+",
            _mask_email,
        ),
        make_rule("@[", r"(?<![\w.+%'-])[\w.+%'-]{1,64}@\[(?:IPv6:)?[0-9a-fA-F:.]{3,45}\]", "[email]"),
        # As in mail headers: quoted-printable, and encoded words.
        make_rule(
            "=40*",
            r"(?<![\w.+%'-])[\w.+%'-]{1,64}=40[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[^\W\d_]{2,24}(?:[\w.+%'-]*+=40[\w-]*+(?:\.[\w-]++)*+)*+",
            "[email]",
        ),
        make_rule("=?", r"=\?[\w-]{2,20}\?[bqBQ]\?[^?\s]{1,300}\?=", "[encoded]"),
        # With blanks, as in forms and speech; the domain must be an existing one, so that "x @ y" is not an address.
        make_rule(
            "@ (at) [at] at",
            r"(?<![\w.+%'-])[\w.+%'-]{1,64}(?:[ ]{1,2}@[ ]{0,2}|@[ ]{1,2}|[ ]?[(\[]at[)\]][ ]?|[ ]at[ ](?=[\w-]{2,40} dot ))(?P<domain>[\w-]{1,63}"
            r"(?:(?:[ ]?\.[ ]?|[ ]?[(\[]dot[)\]][ ]?|[ ]dot[ ])[\w-]{2,63}){0,3}?(?:[ ]?\.[ ]?|[ ]?[(\[]dot[)\]][ ]?|[ ]dot[ ])(?:com|net|org|edu|gov|io|co|us|uk|de|fr|es|mx|info|biz|me|ai|app|dev))(?![\w-])",
            "[email]",
            re.I,
        ),
        make_rule("<[email]>", rf"(?:\"[^\"<>\[\r\n]{{1,80}}\"|{_CAPITAL}(?: {_CAPITAL}){{1,2}})(?= ?<\[email\]>)", "[name]"),
        make_rule(
            "ssn social itin",
            r"\b(ssn|itin|social security(?: number| no\.?)?|social)(\W{1,4}(?:is |number )?)\d{3}[ .-]?\d{2}[ .-]?\d{4}\b",
            r"\1\2[ssn]",
            re.I,
        ),
        make_rule(
            "ein fein tax taxpayer employer tin",
            r"\b(f?ein|employer id(?:entification)?(?: number)?|tax(?:payer)? id(?:entification)?(?: number| no\.?)?|tin)(\W{1,4}(?:is |number )?)\d{2}-?\d{7}\b",
            r"\1\2[account]",
            re.I,
        ),
        make_rule(
            "medicare mbi hicn",
            r"\b(medicare(?: id| number| no\.?| beneficiary(?: id)?)?|mbi|hicn)(\W{1,4}(?:is )?)(?=[A-Z-]{0,14}\d)[A-Z0-9-]{8,14}\b",
            r"\1\2[medicare]",
            re.I,
        ),
        make_rule(
            "birth date dob born geb gebo nacid fecha d.o.b",
            r"\b(date[ _]of[ _]birth|birth ?da(?:te|y)|dob|born(?: on| in)?|geb(?:oren)?(?: am)?\.?|geburtsdatum|fecha de nacimiento|nacid[oa](?: el)?|d\.o\.b\.?)(\W{1,4}(?:is |was )?)"
            r"(?:\d{1,4}[/. -]\d{1,2}[/. -]\d{1,4}|\d{8}\b|(?:the )?[A-Za-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:the )?\d{1,2}(?:st|nd|rd|th)?(?: of)? (?:de )?[A-Za-z]{3,10}\.?,? (?:de )?\d{4})",
            r"\1\2[dob]",
            re.I,
        ),
        *PERSON_NUMBERS,
        make_rule(
            "licen driver driving dl",
            r"\b((?:driver'?s?|driving|drivers) licen[cs]e(?: number| no\.?| id| #)?|licen[cs]e (?:number|no\.?|#)|dl ?(?:#|number|no\.?))"
            r"(\W{1,4}(?:is )?)(?=[A-Z-]{0,4}\d)[A-Z0-9-]{5,20}\b",
            r"\1\2[licence]",
            re.I,
        ),
        # After the two letters alone, the value must begin like a license: "DL D400-7836-0001", not "dl 1048576".
        make_rule("dl", r"\b(DL|D\.L\.)(\W{1,3}(?:is )?)(?=[A-Z]{1,2}-?\d{3})[A-Z0-9-]{6,20}\b", r"\1\2[licence]"),
        make_rule(
            "passport",
            r"\b(passport(?: number| no\.?| #)?)(\W{1,4}(?:is )?)(?=[A-Z]{0,2}\d{6})[A-Z]{0,2}\d{6,9}\b",
            r"\1\2[licence]",
            re.I,
        ),
        make_rule(
            "account acct bank routing aba",
            r"\b((?:bank )?(?:account|acct)\.?(?: number| no\.?| num| #)|bank (?:account|acct)|routing(?: number| no\.?)?|aba(?: number| routing)?"
            r"|account|acct)(\W{1,4}(?:is )?)(?=(?:[ -]?\d){8})\d[\d -]{5,32}\d\b",
            r"\1\2[account]",
            re.I,
        ),
        make_rule(
            "card credit debit",
            r"\b((?:credit|debit|bank)? ?card(?: number| no\.?| num)?)(\W{1,4}(?:is )?)\d(?:[ -]?\d){11,18}\b",
            r"\1\2[card]",
            re.I,
        ),
        make_rule(
            "ssn social",
            r"\b((?:ssn|social security(?: (?:number|no\.?))?|social)(?: (?:is|was))?,?(?: (?:ending|ends|ended)(?: (?:in|with))?| last[ -]?(?:4|four)(?: digits)?)(?:[ ]?[:=#]| is| of)?[ ]?)\d{4}\b",
            r"\1[ssn]",
            re.I,
        ),
        make_rule("cvv cvc", r"\b(cvv2?|cvc2?|security code)(\W{1,4}(?:is )?)\d{3,4}\b", r"\1\2[card]", re.I),
        make_rule(
            "zip zipcode postal postcode",
            r"\b(zip(?: ?code)?|postal code|postcode)(\W{1,4}(?:is |code )?)(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b",
            r"\1\2[zip]",
            re.I,
        ),
        make_rule(
            "phone mobile cell tel telephone fax call dial sms ani dnis",
            r"(?<![A-Za-z])(phone(?:[ _]?(?:number|no))?|mobile|cell|tel(?:ephone)?|fax|call(?:ed|ing|er|back)?|dial(?:l?ed|l?ing)?|sms|ani|dnis)"
            r"([\"']?[\s:=#.]{1,4}(?:to |from |at |on |number |is )?[\"']?)"
            r"(?:\+?1?\d{10}(?!\d)|\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)|\d{3}[.-]\d{4}(?![\d.-]))",
            r"\1\2[phone]",
            re.I,
        ),
        make_rule(
            "phone mobile cell tel telef telephone teléfono fax handy m movil celular whatsapp rufnummer anruf n numero"
            " numéro núm num",
            r"(?<![A-Za-z])(phone(?:[ _]?(?:number|no))?|mobile|cell(?:phone)?|tel(?:e[fp]h?on(?:e|o)?|efonnummer)?|fax|handy(?:nummer)?|m[oó]vil|celular|whatsapp"
            r"|rufnummer|anruf an|n[uú]mero|num[eé]ro)([\"']?[\s:=#.]{1,4}(?:to |from |at |on |number |is |an |de )?[\"']?)\+?\(?\d(?:[ ().\/-]{0,2}\d){6,14}(?![\w-]|\.\d)",
            r"\1\2[phone]",
            re.I,
        ),
        make_rule(
            "/home/ /users/ \\users\\",
            r"(?P<before>(?:/home/|/Users/|[A-Za-z]:\\{1,4}Users\\{1,4}|/c/Users/|\\Users\\))(?P<user>[^/\\\s:\"'<>|,;()\[\]]{2,40}(?: [^/\\\s:\"'<>|,;()\[\]]{1,30}){0,2}(?=[/\\])|[^/\\\s:\"'<>|,;()\[\]]{2,40})",
            _mask_home,
        ),
        make_rule(
            "mac macbook macmini macstudio imac mbp iphone ipad pc laptop desktop notebook thinkpad surface galaxy pixel xps mba",
            rf"(?<![\w.-])(?P<owner>[A-Za-z]\w{{1,30}}?)(?:'s[ -]|-)(?P<mark>(?i:{_MARK_OF_HOST}))(?![A-Za-z])",
            _mask_device,
        ),
        make_rule(
            "client visitor user caller customer remote forwarded",
            r"(?P<before>\b(?:client|visitor|user|caller|customer|remote|forwarded[- ]for|(?:client|user|customer|remote)[ _-](?:ip|addr(?:ess)?))[\s:=]{1,3})(?P<ip>(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?=[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{3,39}(?:(?:\d{1,3}\.){3}\d{1,3})?(?![\w.:]))",
            _mask_address_of_person,
            re.I,
        ),
        # Two keys that hold a name together, as Python's and JavaScript's objects print them.
        make_rule(
            "last",
            r"\b(?P<before>first[\"']?\s?[:=]\s?[\"']?)(?P<first>\[name\]|[^\W\d_][\w'. -]{0,40}?)"
            r"(?P<between>[\"']?[,;&\s]{1,3}[\"']?last[\"']?\s?[:=]\s?[\"']?)(?P<last>\[name\]|[^\W\d_](?:[\w.-]|'(?=\w)){0,40})",
            _mask_halves,
            re.I,
        ),
        # Asterisk's function: "CALLERID(name)=...", "CALLERID(all)=... <...>".
        make_rule(
            "callerid connectedline",
            r"\b((?:CALLERID|CONNECTEDLINE)\((?:name|num|number|all|ani)\)[\"']?\s?[:=,]\s?[\"']?)(?!\[|\$)[^\r\n\"',;)]{2,80}",
            r"\1[name]",
            re.I,
        ),
        *CARD_RULES,
        # One coordinate: fewer decimals are those of a latency.
        make_rule(
            "lat lng lon long latitude longitude",
            r"(?<![A-Za-z])(lat(?:itude)?|lng|lon(?:g(?:itude)?)?)(\\{0,3}[\"']?\s?[:=]\s?\\{0,3}[\"']?|(?<!long) )-?\d{1,3}\.\d{4,15}(?![\w.])",
            r"\1\2[location]",
            re.I,
        ),
        *STREETS_ABROAD,
        make_rule("box pobox", r"\b(?:P\.? ?O\.? ?|(?:RR|HC|PSC|CMR) ?\d{1,5},? )Box \d{1,8}\b", "[address]", re.I),
    )
)
# These need digits: a text without digits cannot contain them.
NUMERIC = RuleSet(
    (
        make_rule(
            ":- :",
            r"(?<![\w:-])(?=[0-9:-]{0,16}[A-Fa-f])[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])",
            "[mac]",
        ),
        make_rule(
            ".",
            r"(?P<word>(?i:\b(?:location|coordinates?|coords|lat(?:itude)?[ ,/-]{1,2}l(?:on|ng)(?:gitude)?|gps|geo|position|point|near|at)[\s:=(\[]{1,4}))?(?<![\w.-])(?P<lat>-?\d{1,2}\.\d{4,12}),[ ]?(?P<lon>-?\d{1,3}\.\d{4,12})(?![\w.])",
            _mask_place,
        ),
        Rule((), numbers.IBAN, numbers.mask_iban),
        Rule((), numbers.CARD, numbers.mask_card),
        Rule((), numbers.WIDE_CARD, numbers.mask_card),
        Rule(("e1", "e+1"), numbers.POWER_CARD, numbers.mask_power_card),
        Rule((), numbers.SSN, "[ssn]"),
        make_rule(
            "",
            r"\b[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b",
            "[medicare]",
        ),
        Rule((".", "-"), numbers.AUDIO_FILE, numbers.mask_audio_file),
        Rule((), numbers.PLUS_PHONE, "[phone]"),
        Rule((), numbers.OO_PHONE, numbers.mask_long_dialled),
        Rule((), numbers.BRACKETED_PHONE, "[phone]"),
        Rule((), numbers.GROUPED_PHONE, numbers.mask_grouped_phone),
        Rule((), numbers.HALF_GROUPED_PHONE, numbers.mask_grouped_phone),
        Rule((), numbers.NATIONAL_PHONE, numbers.mask_national_phone),
        Rule((".",), numbers.POINTED_PHONE, "[phone]"),
        Rule((")",), numbers.BRAZILIAN_PHONE, "[phone]"),
        Rule((), numbers.BARE_PHONE, numbers.mask_bare_phone),
    )
)

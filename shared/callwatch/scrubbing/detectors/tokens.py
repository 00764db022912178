"""Finds secrets by their look: vendors' tokens by prefix, our own keys by value."""

import os
import re
from collections.abc import Iterator

from callwatch.settings import VARIABLES, Settings, load_tracker_settings, peek_settings
from callwatch.settings.credentials import NamedToken

# Prefixes of tokens that vendors issue, in lowercase, from their documentation; a token has at least 16 characters in all.
_PREFIXES = tuple(
    "cwt_ agt_ sk- sk-ant- sk-proj- sk-svcacct- sk-or- sk_ sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ ghp_ gho_ ghu_"
    " ghs_ ghr_ github_pat_ xoxa- xoxb- xoxe xoxp- xoxr- xoxs- xapp- whsec_"
    " glpat- gldt- glrt- glptt- glft- glsoat- glcbt- glimt- glagent- npm_ sg. aiza akia asia abia acca hf_ dop_v1_ doo_v1_"
    " dor_v1_"
    " shpat_ shpca_ shppa_ shpss_ vercel_ vcp_ vci_ vca_ vcr_ vck_ pypi- lin_api_ lin_oauth_ ya29. 1//0 sntrys_ sntryu_ sntrya_"
    " sq0atp- sq0csp- sq0idp- eaaa rubygems_ dp.pt. dp.st. dp.ct. dp.sa. dckr_pat_ dckr_oat_ figd_ figo_ pul- pmak- nfp_"
    " ntn_ secret_"
    " phc_ phx_ re_ hvs. hvb. hvr. atatt3 atctt3 atbb gocspx- ops_ey tfp_ r8_ gsk_ pplx- xai- nvapi- fw_ pscale_tkn_ pscale_pw_"
    " pscale_oauth_ sbp_ sb_secret_ sb_publishable_ napi_ tskey- glsa_ glc_ nrak- nrjs- nrii- dt0c01. dt0s01. sgp_ dapi prv_"
    " xkeysib- xsmtpsib- pnu_ rdme_ tk-us- ezak ezt duffel_ flwseck flwpubk ltai clojars_ fio-u- hrku- ico- lob_ live_ test_"
    " pk.ey sk.ey aqvn t1. doppler_ eyj age-secret-key- aio_ bkua_ cio fcm_ ghcr_ jina_ ls__ lsv2_ patch_ pat_ rpa_ sl. sk_ant"
    " tgp_ um_ v1.0- cfut_ wss_ sdk- sgo_ apify_api_ cal_live_ key- mlsn. pdl_ plaid- access-sandbox- access-production-"
    " access-development- oy2 ghs ctx7sk fc- tvly- e2b_ ak_ api_ apikey_ token_ tok_ uat_ sess_ cs_ ck_ dd_ ddapi_ inflxdb_ nk_"
    " api_org_ glffct- gloas- gr1348941 absk bedrock-api-key- pubkey- p8e- flb_live_ flb_test_ fo1_ fm1a_ fm1r_ fm2_ intra- shippo_live_"
    " shippo_test_ rnd_ railway_ ubi_ ddp_ ctp_ ory_at_ ory_st_ ory_rt_ ccipat_ squ_ sqp_ sqa_ apa91b gaaaaa eaac eaam eaab eaag eaad igqv"
    " akcp cmvmd dnkey- sm_aat_ sm_pat_ sm_sat_ v2.local. v2.public. v3.local. v4.local. v4.public. eztk scauth_ authress_ agewmv aws_ sbs_"
    " nvapi_ sk_prod_ rk_prod_ live_pub_ test_pub_ whsk_ wx_ ghm_ cpk_ luma- dg_ fal_ sktok_".split()
)
# Prefixes that also begin ids and words: the remainder must have letters in both cases and digits, or be a long hash.
_WEAK = frozenset(
    "sk_ re_ fw_ t1. lob_ live_ test_ pul- ico- um_ eaaa dapi prv_ ezt ezak secret_ vercel_ api_ token_ tok_ ak_ cs_ ck_"
    " sess_ sl. fc-"
    " intra- rnd_ railway_ ubi_ ddp_ ctp_ squ_ sqp_ sqa_ igqv akcp cmvmd sm_aat_ sm_pat_ sm_sat_ eaac eaam eaab"
    " eaag eaad gaaaaa authress_ agewmv aws_ sbs_ wx_ dg_ fal_ ghm_ cpk_ absk flb_live_ flb_test_ fo1_ live_pub_ test_pub_ p8e- eztk apa91b"
    " fm1a_ fm1r_ fm2_"
    " key- aio_ cio patch_ pat_ pk.ey sk.ey sdk- 1//0 oy2 ghs dd_ nk_ ls__ jina_ apikey_ rpa_ tgp_ wss_ r8_ phc_ pypi- npm_ atbb ltai napi_".split()
)
_CANDIDATE = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9][A-Za-z0-9_.~/-]{11,}=*")
_ALL = re.compile(
    r"\d{8,10}:AA[A-Za-z0-9_-]{30,}"  # Telegram's bots
    r"|(?<![\w.])[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{25,40}"  # Discord's bots
    r"|\b[0-9a-f]{32}-us\d{1,2}\b"  # Mailchimp
    r"|\bSK[0-9a-f]{32}\b"  # Twilio
    r"|\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}\b"  # 1Password
    r"|\bAPI-[A-Z0-9]{26,32}\b"  # Octopus Deploy
    r"|\b[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\b"  # MaxMind
    r"|(?<![\w.~-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"  # Azure
    r"|\bsha256~[\w-]{43}(?![\w-])"  # OpenShift
    r"|\b4b1d(?=[A-Za-z0-9]{0,30}[A-Z])[A-Za-z0-9]{38}\b"  # ClickHouse
    r"|\b\d{15,16}\|[\w-]{27,40}(?![\w-])"  # Facebook
    r"|\bA{20,22}[A-Za-z0-9%]{80,100}"  # Twitter
)
# The same, of letters in both cases and digits: only at a sign that few texts have.
_DOTTED = re.compile(
    r"(?<![\w.-])(?:[a-z0-9]{14}\.atlasv1\.[\w=-]{60,70}|pat[a-z0-9]{10,14}\.[a-f0-9]{64}|[ps]at\.[\w-]{22}\.[a-z0-9]{24}\.[a-z0-9]{20}"
    r"|s\.(?=[a-z0-9]{0,23}\d)(?=[a-z0-9]{0,23}[a-z])[a-z0-9]{24}(?![\w.])|[a-z0-9_]{5,40}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[a-z0-9+/_=-]{30,120})",
    re.IGNORECASE,
)
_HOOKS = re.compile(
    r"https://(?:hooks\.slack\.com/\S{1,300}|discord(?:app)?\.com/api/webhooks/\S{1,300}|[\w.-]{1,100}\.webhook\.office\.com/\S{1,500}"
    r"|hooks\.zapier\.com/\S{1,300}|api\.telegram\.org/bot\S{1,300})"
)
_HOOK_HOSTS = ("hooks.slack", "discord", "webhook.office", "hooks.zapier", "api.telegram")
_SIGNS_OF_ALL = (":AA", "-us", "SK", "M", "N", "O", "A3-", "API-", "_mmk", "Q~", "a256~", "4b1d", "|", "AAAA")
# An access key of AWS and the secret that follows it, which alone looks like any path or digest.
_AWS_PAIR = re.compile(
    r"((?:AKIA|ASIA)[A-Z0-9]{16}(?:[^A-Za-z0-9/+]{1,8}|\s?[/|+]\s?)(?:[A-Za-z_ ]{1,30}[^A-Za-z0-9/+]{1,4})?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
)
_WORD_INSIDE = re.compile(r"[a-z]{6}|[A-Z]{7}")
_PIECES = re.compile(r"[_.~/-]")
_WORDY = re.compile(r"[a-z]{0,14}|[A-Z]{0,10}|\d{0,8}|v\d{1,6}|[A-Z][a-z]{1,12}")
_MIN_OWN_CHARS = 8


def mask_tokens(text: str, lower: str) -> str:
    """The text with `[token]` for each vendor token."""
    if any(host in lower for host in _HOOK_HOSTS):
        text = _HOOKS.sub("[token]", text)
    if "akia" in lower or "asia" in lower:
        text = _AWS_PAIR.sub(r"\1[token]", text)
    text = _CANDIDATE.sub(_mask_candidate, text)
    if "." in text:
        text = _DOTTED.sub("[token]", text)
    return _ALL.sub("[token]", text) if any(sign in text for sign in _SIGNS_OF_ALL) else text


def mask_own_secrets(text: str) -> str:
    """The text with `[token]` for each key, token and password of this process, wherever it stands."""
    pattern = _own_pattern()
    return pattern.sub("[token]", text) if pattern else text


def _mask_candidate(match: re.Match[str]) -> str:
    piece = match[0]
    lower = piece[:24].lower()
    if not lower.startswith(_PREFIXES):
        return piece
    prefix = max((known for known in _PREFIXES if lower.startswith(known)), key=len)
    rest = piece[len(prefix) :]
    # A file extension or a dotted name that follows belongs to the text.
    has_digit = any(sign.isdigit() for sign in rest)
    if len(rest) < 8 or "/" in rest[:3] or not (has_digit or (len(rest) >= 20 and not rest.islower())):
        return piece
    if all(_WORDY.fullmatch(part) for part in _PIECES.split(rest)):
        # "glc_pod_12345678": words and numbers.
        return piece
    if prefix == "sk-" and rest.startswith(("ssh-", "ecdsa-")):
        # OpenSSH key types.
        return piece
    return "[token]" if prefix not in _WEAK or _is_random(rest) else piece


def _is_random(text: str) -> bool:
    """Whether a text looks random: long, with digits among letters of both cases, or a long hexadecimal number."""
    digits = sum(map(str.isdigit, text))
    longest = max(map(len, _PIECES.split(text)))
    if longest < 12:
        return False
    if digits < 2:
        # Letters alone, of which no five in a row could be a word.
        return longest >= 20 and not text.islower() and not text.isupper() and _WORD_INSIDE.search(text) is None
    is_hex = all(sign in "0123456789abcdefABCDEF-" for sign in text)
    return (is_hex and len(text) >= 24) or (not text.islower() and not text.isupper()) or (digits >= 4 and longest >= 16)


class _Own:
    """The pattern of our own secrets, and the settings from which it was made."""

    settings: Settings | None = None
    pattern: re.Pattern[str] | None = None
    is_made = False


def _own_pattern() -> re.Pattern[str] | None:
    # Only settings that were already read: a scrubber must not fetch a secret, because it also runs when fetching fails.
    settings = peek_settings() or (load_tracker_settings() if load_tracker_settings.cache_info().currsize else None)
    if not _Own.is_made or settings is not _Own.settings:
        _Own.settings, _Own.pattern, _Own.is_made = settings, _compile_own(settings), True
    return _Own.pattern


def _compile_own(settings: Settings | None) -> re.Pattern[str] | None:
    literals: set[str] = set()
    for variable in VARIABLES:
        if variable.is_secret and variable.name != "HTTP_CHECKS":
            literals.update(_list_literals(os.environ.get(variable.name, "")))
            for value in _flatten(getattr(settings, variable.name.lower(), None)):
                literals.update(_list_literals(value))
    chosen = sorted(filter(_is_distinct, literals), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, chosen))) if chosen else None


def _flatten(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, NamedToken):
        yield value.token
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in _flatten(item))
    elif isinstance(value, tuple):
        yield from (text for item in value for text in _flatten(item))


def _list_literals(value: str) -> Iterator[str]:
    """The texts that reveal a variable's secret: itself, and each part of a list of `project:key` or of a URL."""
    if value.startswith(("arn:", "ssm:", "{")):
        return
    for piece in (value, *re.split(r"[,\s]+", value)):
        yield piece
        yield piece.partition("://")[2].rpartition("@")[0].partition(":")[2] if "://" in piece else piece.partition(":")[2]


def _is_distinct(literal: str) -> bool:
    # A password that is a common word would remove that word from every text.
    return len(literal) >= _MIN_OWN_CHARS and (len(literal) >= 16 or any(map(str.isdigit, literal)))

"""The words before a name that say how likely it is one, and the names of organizations that contain a person's."""

import re
from enum import IntEnum

from callwatch.scrubbing.detectors.folding import fold_letters
from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word
from callwatch.scrubbing.detectors.rules import list_heads


class Place(IntEnum):
    """What stands before a text: the more it suggests a person, the less the lists have to know."""

    BARE = 0
    # A role that people and software have: agent, client, user.
    ROLE = 1
    # A role or a phrase that only people have: customer, beneficiary, "spoke with".
    PERSON = 2
    # A key whose value is a person's name.
    KEY = 3
    TITLE = 4


_BETWEEN = r"(?:[ ]name)?(?:[ ](?:is|was|named))?(?:[:=]|[ ]-)?[ \t]{1,2}[\"'`(\[]?"
_ROLES = (
    r"agents?|clients?|leads?|contacts?|reps?|members?|employees?|users?|owners?|representatives?|advisors?|brokers?|operators?"
    r"|call ?backs? for|managers?|supervisors?|closers?|assignees?|authors?|senders?|recipients?|names?(?= [\"'])|assigned to|transfer(?:red|ring)? to|handed (?:over )?to|owned by"
)
_PEOPLE = (
    r"customers?|callers?|patients?|policy ?(?:holder|owner)s?|beneficiar(?:y|ies)|spouses?|insureds?|applicants?|prospects?|claimants?"
    r"|borrowers?|nurses?|doctors?|husband|wife|daughter|son|mother|father|sister|brother|my name|name is|named|this is"
    r"|(?:speaking|spoke|talk|talking|talked|chatted) (?:with|to)|identified as|attn|attention|signed by|signature of|on behalf of"
    r"|next of kin|se[ñn]ora?|kundin|kunde|cliente|herrn?|frau|monsieur|madame|attendees?|participants?|dependents?|co-?owner"
    r"|hello|hola|voicemail (?:from|for|of)|call(?:ed)? (?:from|by)|kin|guardian|payer|payee|annuitant|co-?applicant|referred by"
)
# Software numbers its speakers and users, and the name stands behind the number: "Speaker 1 (Ann)".
NUMBERED = re.compile(
    r"(?<![\w-])(?:speaker|agent|user|caller|customer|participant|rep|lead|client)[ #:]{1,2}\d{1,12} ?[(\[](?P<name>[^\W\d_][\w.'-]{1,30})[)\]]",
    re.IGNORECASE,
)
_KEYS = r"(?:first|last|full|middle|given|family|maiden|legal|preferred|nick|sur)[ _-]?names?"
_WORDS_OF_CONTEXT = re.sub(r"\(\?[:=]|\?", " ", f"{_ROLES} {_PEOPLE} {_KEYS}").replace("[ñn]", "n")
_MORE_WORDS = ("se", "rep", "son", "kin", "coowner", "coapplicant", "surname")
# Words of one to three letters stand in most texts, and in a phrase next to a longer one.
CONTEXT_HEADS = list_heads((*re.findall(r"[a-z]{4,}", _WORDS_OF_CONTEXT), *_MORE_WORDS)) - {"with", "from", "over"}
TITLE_HEADS = list_heads("mr mrs ms miss dr dear prof rev hon sr sra srta hi hey".split())
CONTEXT = re.compile(rf"(?<![\w-])(?:(?P<key>{_KEYS})|(?P<person>{_PEOPLE})|(?:{_ROLES})){_BETWEEN}", re.IGNORECASE)
TITLE = re.compile(
    r"(?<![\w-])(?:mrs?|ms|miss|dr|dear|prof|rev|hon|sra?|srta|hi|hey)(?:\.[ ]?|[ +])(?:(?:mrs?|ms|dr)\.?[ +])?", re.IGNORECASE
)
# Organizations, holidays and methods that are called after a person: the first two words.
_NOT_PEOPLE = frozenset(
    "john hancock|charles schwab|morgan stanley|goldman sachs|ernst young|fannie mae|freddie mac|sallie mae|jack henry|jp morgan"
    "|morgan chase|johnson johnson|johnson controls|warner bros|martin luther|luther king|st patrick|saint patrick|monte carlo|parker solar"
    "|rose pine|ben jerry|hewlett packard|booz allen|allen hamilton|raymond james|edward jones|edward jones|merrill lynch|wells fargo|dow jones"
    "|levi strauss|calvin klein|tommy hilfiger|ralph lauren|estee lauder|mary kay|papa johns|jimmy johns|wendys international|macy bloomingdale"
    "|ray serve|frank russell|harley davidson|aston martin|smith wesson|black decker|stanley black|baker hughes|harris teeter|dick sporting"
    "|abercrombie fitch|bath beyond|marks spencer|ben franklin|george washington|thomas jefferson|james madison|texas roadhouse|arthur andersen"
    "|jenny craig|betty crocker|jack daniels|jim beam|johnnie walker|santa claus|jane street|gregorian calendar|julian day|julian date"
    "|bernoulli naive|gauss seidel|newton raphson|fisher yates|wilson score|tim hortons|trader joe|la quinta|ann taylor|lord taylor|barnes noble"
    "|charlie brown|robin hood|mercedes benz|jamie oliver|carl zeiss|robert half|robert bosch|eli lilly|abbott laboratories|travis ci|jenkins ci|claude code|alexa skill"
    "|joe user|jane user|foo bar|lorem ipsum|luther king|patrick day|royal neighbors"
    # Algorithms, methods, tests and laws.
    "|smith waterman|needleman wunsch|levenberg marquardt|aho corasick|floyd warshall|boyer moore|reed solomon|reed muller|jaro winkler"
    "|diffie hellman|kolmogorov smirnov|runge kutta|mann whitney|gauss newton|gauss jordan|savitzky golay|michaelis menten|rabin karp"
    "|knuth morris|morris pratt|cooley tukey|box cox|box muller|box jenkins|bland altman|kruskal wallis|shapiro wilk|anderson darling"
    "|hodrick prescott|ford fulkerson|bellman ford|edmonds karp|hopcroft karp|miller rabin|schwartz zippel|damerau levenshtein"
    "|gale shapley|lempel ziv|ziv lempel|ziv welch|burrows wheeler|merkle damgard|merkle hellman|black scholes|navier stokes"
    "|cauchy schwarz|gram schmidt|metropolis hastings|dempster shafer|baum welch|durbin watson|dickey fuller|douglas peucker"
    "|ramer douglas|cohen sutherland|sutherland hodgman|kernighan lin|lin kernighan|needham schroeder|fiat shamir|rivest shamir"
    "|shamir adleman|hardy weinberg|lotka volterra|nelder mead|holt winters|clopper pearson|wilson interval|kaplan meier|cox regression"
    "|mcnemar test|fisher exact|bonferroni holm|benjamini hochberg|student t|welch t|powell method|broyden fletcher|karhunen loeve"
    "|berlekamp massey|pohlig hellman|schnorr signature|lamport clock|dijkstra scholten|chandra toueg|peterson lock".split("|")
)


def is_organization(first: str, second: str) -> bool:
    """Whether two words in a row begin the name of something that is called after a person."""
    return f"{fold_letters(first)} {fold_letters(second)}" in _NOT_PEOPLE


# Managers and operators of these are people; a manager of anything else that software has is a part of it: "Queue Manager".
_OF_PEOPLE = frozenset(
    "account sales shift team floor office center centre branch store regional general district case project product operations quality"
    " training customer client agency marketing campaign call support service the your our a by from with of and or new area field".split()
)
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,30}) $")
_LEADERS = ("manag", "super", "opera", "close", "owner")


def is_part_of_software(text: str, match: re.Match[str]) -> bool:
    """Whether a role is the second word of a component's name, such as "Queue Manager"."""
    if not match[0].lower().startswith(_LEADERS):
        return False
    before = _WORD_BEFORE.search(text, max(0, match.start() - 32), match.start())
    return before is not None and classify_word(before[1]) == Kind.PLAIN and before[1].lower() not in _OF_PEOPLE


def place_after(match: re.Match[str]) -> Place:
    """The place that a match of CONTEXT opens."""
    return Place.KEY if match["key"] else Place.PERSON if match["person"] else Place.ROLE

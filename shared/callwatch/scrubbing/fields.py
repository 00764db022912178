"""What the key of a field says about its value, looked up once per key."""

import functools
import re
from dataclasses import dataclass, replace

from callwatch.scrubbing.detectors.keys import Verdict, classify_key
from callwatch.scrubbing.detectors.phone_numbers import is_count
from callwatch.scrubbing.text import scrub_text

# Keys under which an AI product stores what was said or written, without `_` and `-`; any prose under them is private.
_SPEECH_KEYS = frozenset(
    "prompt prompttext completion completiontext systemprompt userprompt userinput usermessage usertext assistantmessage"
    " llmresponse"
    " llmoutput aioutput airesponse aisummary modeloutput modelresponse outputtext inputtext generatedtext generation"
    " transcription"
    " transcriptiontext transcribedtext utterance utterancetext dialogue dialog conversation conversationtext callsummary"
    " summarytext"
    " analysissummary coachingnotes callnotes notes agentnotes leadnotes customernotes diagnosis diagnoses medicalhistory"
    " medication medications healthconditions healthcondition medicalconditions medicalnotes symptoms symptom allergies"
    " objection"
    " objections rebuttal rebuttals keyquotes keyquote quote quotes verbatim voicemailtext chathistory spokentext"
    " speechtext customersaid agentsaid callerstatement rawtranscript cleanedtranscript redactedtranscript plaintext"
    " displaytext normalizedtext painpoints healthinfo healthnotes".split()
)
# Whatever stands before it: dispositionNotes, private_note. The notes of a release are none.
_SPEECH_ENDS = tuple(
    f"{whose}note{many}"
    for whose in ("call", "private", "disposition", "internal", "case", "followup", "intake")
    for many in ("", "s")
)
# Under one of these, prose in any of the fields below belongs to a conversation.
_SPEECH_PARENTS = frozenset(
    "messages message choices delta sentences segments utterances paragraphs words alternatives channels analysis analyses"
    " transcript"
    " transcripts transcription transcriptions conversation dialogue turns completion completions prompt prompts speech content"
    " chunks captions subtitles cues quotes monologues speakers callanalysis summaries insights candidates parts".split()
)
_SPEECH_FIELDS = frozenset(
    "content text summary sentence word punctuatedword quote response answer reply output input reason reasoning explanation"
    " rationale"
    " description feedback body transcript caption line said lexical itn maskeditn display objection outcome refusal thinking".split()
)
# Fields that hold speech in some places and program texts in others: the text itself decides.
_MIXED_FIELDS = frozenset(
    "text content summary sentence body response answer reply output input comment comments description feedback utterance"
    " message"
    " line value data payload result raw reason msg chunk snippet phrase note question statement excerpt voicemail health"
    " conditions"
    " concerns highlights coaching".split()
)
# Of these, the ones in which a sentence about a person is the summary of a conversation.
_SUMMARY_FIELDS = frozenset(
    "summary sentence quote utterance excerpt snippet feedback comment comments coaching highlights note".split()
)
_QUERY_KEYS = frozenset(
    "query sql statement stmt text querytext rawsql rawquery dbstatement operation command querystring sqlquery prepared"
    " db.statement db.query.text db.query db.sql".split()
)
_VALUE_KEYS = frozenset(
    "params parameters bindings binding binds bind bindvars bindparams bindvalues bindparameters values args arguments"
    " variables"
    " sqlparams queryparams sqlparameters queryparameters dbparams replacements placeholders paramvalues inputs vars".split()
)
# Without a query next to them, only these surely hold bound values.
_BOUND_KEYS = frozenset(
    "params parameters bindings binds bindvars bindparams bindvalues bindparameters sqlparams queryparams sqlparameters"
    " queryparameters"
    " replacements dbparams".split()
)
_BOUND_ENDS = ("params", "parameters", "bindings", "bindvars", "bindvalues", "paramsets", "parametersets", "boundvalues")
# Parameters of other things, whose lists hold no values of a person.
_UNBOUND_STARTS = (
    "hyper",
    "model",
    "route",
    "path",
    "url",
    "function",
    "init",
    "optimizer",
    "training",
    "generation",
    "type",
    "utm",
    "search",
)
_BOUND_ATTRIBUTE = re.compile(r"db\.(?:[a-z]{1,20}\.){0,3}(?:param(?:eter)?s?|bindings?|binds?|values?|args?)\b", re.IGNORECASE)
# Fields next to a "name" that only people have.
_OF_PEOPLE = frozenset(
    "phone email dob ssn address birthdate dateofbirth firstname lastname age gender spouse medicareid zip city state phonenumber mobile".split()
)
_CODE = frozenset({"context_line", "pre_context", "post_context", "source_line"})
# Under these, "name" names a thing of software, not a person.
THINGS = frozenset(
    "runtime os browser device app sdk contexts packages trace modules integrations queue job task function table cron file"
    " server"
    " service host rule stage column index constraint region event logger thread culture gpu cloud_resource state response"
    " step steps"
    " model models monitor plugin plugins template templates workflow pipeline list lists campaign script product plan"
    " feature flag"
    " flags metric check channel provider vendor command tool tools component module package library framework language role"
    " team"
    " department company organization agency office project environment view page route parameter param field fields header"
    " headers"
    " schema database bucket topic stream worker process cluster node container image release version span transaction"
    " operation"
    " assistant bot voice theme font carrier evaluation scorecard criteria section sections rubric dialer did group shift connector"
    " prompt disposition alert rule rules monitor monitors job jobs tasks queues topics routes events stages fields columns tags"
    " mutation query schedule trigger hook webhook integration source destination category tag label filter report dashboard".split()
)
HEX_IDS = frozenset({"trace_id", "span_id", "parent_span_id", "request_id", "event_id", "profile_id", "replay_id"})
COORDINATES = frozenset({"lat", "lng", "lon", "long"})


@dataclass(frozen=True, slots=True)
class Field:
    """One key: the verdict on its value, and the places where the value is speech, bound to a query, or a person's."""

    # The key itself, scrubbed.
    clean_key: str
    verdict: Verdict | None
    is_speech: bool
    is_speech_in_parent: bool
    is_speech_parent: bool
    is_mixed: bool
    is_summary: bool
    is_word: bool
    is_words: bool
    is_query: bool
    is_value: bool
    is_bound: bool
    # An attribute of a span that holds one bound value, or all of them.
    is_bound_alone: bool
    is_of_person: bool
    is_counted: bool
    # The value is a line of source.
    is_code: bool
    # The key says nothing about a text, or nothing about an object, a list or a number: the value alone decides.
    is_plain_for_text: bool
    is_plain_for_data: bool


@functools.lru_cache(maxsize=4096)
def describe_field(key: str) -> Field:
    """What the key says, in every spelling: callSummary, call_summary, CALL-SUMMARY."""
    bare = key.replace("_", "").replace("-", "").replace(" ", "").lower() if len(key) < 40 else ""
    field = Field(
        clean_key=scrub_text(key),
        verdict=classify_key(key) if key else None,
        is_speech=bare in _SPEECH_KEYS or bare.endswith(_SPEECH_ENDS),
        is_speech_in_parent=bare in _SPEECH_FIELDS,
        is_speech_parent=bare in _SPEECH_PARENTS,
        is_mixed=bare in _MIXED_FIELDS,
        is_summary=bare in _SUMMARY_FIELDS,
        is_word=bare in ("word", "punctuatedword", "text"),
        is_words=bare == "words",
        is_query=bare in _QUERY_KEYS,
        is_value=bare in _VALUE_KEYS,
        is_bound=bare in _BOUND_KEYS or (bare.endswith(_BOUND_ENDS) and not bare.startswith(_UNBOUND_STARTS)),
        is_bound_alone=_BOUND_ATTRIBUTE.match(key) is not None,
        is_of_person=bare in _OF_PEOPLE,
        # A "row" is a line of a table here, not a row number.
        is_counted=bare != "row" and is_count(key),
        is_code=key in _CODE,
        is_plain_for_text=False,
        is_plain_for_data=False,
    )
    return _note_plain(key, field)


def _note_plain(key: str, field: Field) -> Field:
    """The field with the answers that most fields need: whether its key decides anything."""
    decides = field.verdict or field.is_query or field.is_value or field.is_bound or field.is_bound_alone or field.is_of_person
    is_plain = not decides and field.clean_key == key and key.lower() not in COORDINATES
    is_said = field.is_speech or field.is_speech_in_parent or field.is_mixed or field.is_word
    return replace(field, is_plain_for_data=is_plain, is_plain_for_text=is_plain and not is_said and key not in HEX_IDS)

"""Properties of scrubbing: private data never survives, whatever surrounds it; harmless text stays unchanged."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callwatch.events.event import finish_event
from callwatch.runtime.generated_secrets import generate_secrets
from callwatch.scrubbing import text as module
from callwatch.scrubbing.detectors.keys import classify_key
from callwatch.scrubbing.scrubber import scrub_event, scrub_text, scrub_value

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WORD = st.sampled_from(["the", "worker", "could", "not", "store", "this", "stage", "is", "late", "again"])
WORDS = st.lists(WORD, max_size=8).map(" ".join)
DIGITS = st.tuples(st.sampled_from(["212", "415", "555", "808"]), st.integers(200, 999), st.integers(0, 9999))
FORMATS = ["{}{}{}", "+1{}{}{}", "({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{} {} {}", "1-{}-{}-{}", "+1 ({}) {} {}"]
PHONES = st.tuples(st.sampled_from(FORMATS), DIGITS).map(lambda p: p[0].format(p[1][0], p[1][1], f"{p[1][2]:04d}"))
SECRET_KEYS = st.sampled_from(
    ["password", "apiKey", "X-Agency-Token", "auth_token", "customerPhone", "first_name", "SSN", "iban"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


_LOCAL = st.from_regex(r"[a-z][a-z0-9.+-]{0,40}[a-z0-9]", fullmatch=True)


@given(
    st.lists(_LOCAL, min_size=2, max_size=5),
    st.sampled_from(["com", "org", "consulting", "co.uk"]),
    st.sampled_from(["@", "=40"]),
)
def test_addresses_without_a_gap_are_masked_as_one(people: list[str], ending: str, sign: str) -> None:
    # In "pw=40example.com" nothing tells an address from an assignment; the test below has the right answer.
    assume(sign == "@" or not any(_names_a_secret(person) for person in people))
    glued = "".join(f"{person}{sign}example.{ending}" for person in people)
    assert scrub_text(f"to {glued} and on.") == "to [email] and on."


@pytest.mark.parametrize("name", ["pw", "token", "secret"])
def test_a_secret_that_looks_like_an_encoded_address_is_masked(name: str) -> None:
    assert _names_a_secret(name)
    assert scrub_text(f"to {name}=40example.com and on.") == f"to {name}=[token] and on."


def _names_a_secret(person: str) -> bool:
    return any(classify_key(word) for word in (person, *re.split("[.+-]", person)))


@given(WORDS, PHONES, WORDS)
def test_no_phone_survives_between_words(before: str, phone: str, after: str) -> None:
    assert scrub_text(f"{before} {phone} {after}") == f"{before} [phone] {after}"


@given(JSON, SECRET_KEYS)
def test_no_value_under_a_private_key_survives_at_any_depth(around: Any, key: str) -> None:
    planted = {"a": [around, {key: "Zyxwvut 98765432", "b": around}], "c": json.dumps({"d": {key: "Zyxwvut 98765432"}})}
    assert "98765" not in json.dumps(scrub_value(planted))


@given(
    SECRET_KEYS, st.sampled_from(["{k}={v}&x=1", "{{'{k}': '{v}'}}", '{{"{k}": "{v}", "x": 1}}', "C({k}='{v}')", "a=1;{k}: {v}"])
)
def test_no_value_behind_a_private_key_in_text_survives(key: str, form: str) -> None:
    assert "98765" not in scrub_text("request failed: " + form.format(k=key, v="98765432101234"))


@given(st.text())
def test_any_text_is_scrubbed_the_same_each_time_and_once(text: str) -> None:
    once = scrub_text(text)
    assert scrub_text(once) == once
    assert module._scrub(text, False) == once


@given(st.text(alphabet="ab1459 @.:=/+-()[]{}'\"%&\\\n,;_#", max_size=80))
def test_text_full_of_separators_is_scrubbed_once(text: str) -> None:
    once = scrub_text(text)
    assert scrub_text(once) == once


@given(JSON)
def test_any_value_keeps_its_shape_and_is_scrubbed_once(value: Any) -> None:
    once = scrub_value(value)
    assert type(once) is type(value)
    assert scrub_value(once) == once
    json.dumps(once)


@given(WORDS, st.uuids() | st.integers(0, 99_999_999) | st.datetimes().map(datetime.isoformat) | st.ip_addresses(v=4), WORDS)
def test_ids_numbers_times_and_addresses_of_machines_stay(before: str, value: Any, after: str) -> None:
    assert scrub_text(f"{before} {value} {after}") == f"{before} {value} {after}"


@given(st.integers(1_500_000_000, 1_999_999_999), st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_timestamps_stay(seconds: int, factor: int) -> None:
    assert scrub_text(f"at {seconds * factor}") == f"at {seconds * factor}"
    assert scrub_value({"x": seconds * factor}) == {"x": seconds * factor}


def test_each_place_of_an_event_is_scrubbed_and_marked() -> None:
    private = "bob@example.com 415-555-2671"
    given = {
        "message": private, "type": "ValueError", "stack": private, "endpoint": f"GET /x?email={private}", "service": private,
        "release": private, "environment": private, "fingerprint": [private], "sdk": private, "tags": {"t": private},
        "frames": [{"filename": private, "function": private, "context_line": private, "vars": {"v": private}}],
        "exceptions": [{"type": "ValueError", "value": private}], "breadcrumbs": [{"message": private, "data": {"url": private}}],
        "context": {"extra": {"a": [private]}, "timestamp": private, "level": private},
        "request": {"url": private, "headers": [["X-A", private]], "data": json.dumps({"n": private}), "query_string": private},
    }  # fmt: skip
    event = finish_event(given, NOW)
    assert "bob@" not in json.dumps(event)
    assert "555-2671" not in json.dumps(event)
    assert event["scrubbed"] == ["email", "phone"]
    assert scrub_event(event) == event


HOSTILE = [
    "a",
    "1",
    "@",
    "a@b.",
    "1-",
    "(",
    "%25",
    "a=",
    "password='",
    '"phone":"',
    "-----BEGIN A-----",
    "a://b:",
    "12 Main ",
    "4111 ",
]

# The beginnings that rules for queries, names, encodings and command lines match.
HOSTILE_OF_RULES = [
    '{"a":', '["', "&#64;", "\uff14", "\u2013", "--password ", "mysql -u root -p", "password is ", "insert into a values ('",
    "insert into a values (1),", "a in ('", "$1 = '", "[parameters: ", 'Unexpected token "', "Maria Smith", "SMITH, ", "[phone] ",
    "a,b,c,[phone]", "1.1234,", "aa:", "030 ", "/home/", "10 a ", "O'", "/reset/a1", "a:A@", "IN ", "QUJDREVGR0hJSktM ", "gb82 ",
    "Mr. ", "a.wav", "'name': 'Maria', ", '"text": "I ',
]  # fmt: skip
# The same for values bound to queries, command lines, file names and rare names.
HOSTILE_OF_LISTS = [
    "params: [", "args=('", "select $1 [", "$1 = 'a", "@p0='", "(SQL: a = ", "SQL: values (", "Executing (default): ; '",
    "query argument $1: ",
    "Failed query: \nparams: ", "prisma. invocation a: \"", "['a', '-p', ", "curl -u a:", "mysql -p", "htpasswd -b a ",
    "echo a | sudo ",
    "jdbc:oracle:thin:a/", "out-1-", "-20240115-101010", "maria.lopez", "?q=maria lopez", "customer zylah ", "Zylah, Ann, ",
    "\u674e\u5c0f",
    "net use a ", "a****", "AAAAAAAAAAAAAAAAAAAAAA", "s.a1", "authorization: digest ", "Duplicate entry 'A",
]  # fmt: skip
HOSTILE_OF_SHAPES = ["Key (a)=(", "failing row contains (", "customer John ", "AB12 ", "Austin, TX ", "a.a-", "token "]


@pytest.mark.parametrize("seed", [*HOSTILE, *HOSTILE_OF_SHAPES, *HOSTILE_OF_RULES, *HOSTILE_OF_LISTS])
def test_the_work_grows_with_the_text_and_no_faster(seed: str) -> None:
    def cost(size: int) -> float:
        text = (seed * (size // len(seed) + 1))[:size]
        best = 9.0
        for _ in range(2):
            started = time.process_time()
            scrub_text(text)
            best = min(best, time.process_time() - started)
        return max(best, 0.002)

    # Eight times the text: a quadratic pattern would take 64 times as long.
    assert cost(80_000) / cost(10_000) < 30


@pytest.mark.parametrize("first", ["+14155552671", "+442071838750", "(415) 555-2671", "415-555-2671"])
@pytest.mark.parametrize("second", ["(212) 555-0143", "212-555-0143", "212 555 0143", "+12125550143"])
def test_two_phones_beside_each_other_are_both_taken(first: str, second: str) -> None:
    assert scrub_text(f"from {first} {second} today") == "from [phone] [phone] today"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("DL D400-7836-0001 refused", "DL [licence] refused"),
        ("DL: D1234567", "DL: [licence]"),
        ("dl 1048576 bytes", "dl 1048576 bytes"),
    ],
)
def test_a_licence_is_known_by_its_two_letters_and_its_shape(text: str, scrubbed: str) -> None:
    assert scrub_text(text) == scrubbed


@pytest.mark.parametrize("gap", [" ", "  ", "\t", ".", " \t "])
def test_four_by_four_digits_that_are_no_card_stay(gap: str) -> None:
    text = f"rows {gap.join(['4111', '1111', '1111', '1112'])} read"
    assert scrub_text(text) == text
    assert scrub_text(text.replace("1112", "1111")) == "rows [card] read"


@pytest.mark.parametrize("variable", ["ADMIN_SECRET", "VIEWER_SECRET", "UPLOAD_SECRET"])
def test_a_token_of_our_own_is_known_by_its_look(variable: str) -> None:
    token = generate_secrets()[variable].partition(":")[2]
    assert token not in str(scrub_value({"message": f"GET /api/health with {token} failed", "extra": {"value": token}}))

"""Grouping: a corpus of pairs of occurrences that are one error, and of pairs that are not."""

import json
import random
import re
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callwatch.grouping.build_hashes import strip_build, strip_builds_in_text
from callwatch.grouping.fingerprint import VERSION, compute_fingerprint
from callwatch.grouping.normalize import normalize

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "group_corpus.jsonl"


def test_each_pair_of_the_corpus_is_told_right() -> None:
    pairs: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wrong = [
        pair["why"] for pair in pairs if (compute_fingerprint(pair["a"]) == compute_fingerprint(pair["b"])) is not pair["is_same"]
    ]
    together = sum(pair["is_same"] for pair in pairs)
    print(f"{together} pairs of one group, {len(pairs) - together} of two: {len(pairs) - len(wrong)} right, {len(wrong)} wrong")
    assert not wrong
    assert len(pairs) >= 300


def test_a_fingerprint_says_by_which_rules_it_was_made() -> None:
    for event in ({"message": "x"}, {"message": "x", "fingerprint": ["ours"]}):
        assert re.fullmatch(rf"{VERSION}:[0-9a-f]{{32}}", compute_fingerprint(event))


@given(st.text(max_size=300))
@example("0\n0")
def test_a_message_is_normalised_once(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from(["call {} failed", "took {} ms", "id={}", "({})", "x-{}"]))
def test_numbers_do_not_tell_messages_apart(one: int, other: int, form: str) -> None:
    assert normalize(form.format(one)) == normalize(form.format(other))


URL_SAFE = string.ascii_letters + string.digits + "_-"
ALPHANUMERIC = string.ascii_letters + string.digits
SMALL = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Format of an id: text before it, alphabet, length, and the share that one group must hold at least.
IDS = [
    ("", URL_SAFE, 21, 0.97), ("", URL_SAFE, 16, 0.97), ("", ALPHANUMERIC, 27, 0.99), ("sess_", ALPHANUMERIC, 21, 0.99),
    ("req_", HEX, 32, 0.99), ("run_", string.ascii_letters, 24, 0.99), ("job_", string.ascii_lowercase, 16, 0.85),
    ("cus_", ALPHANUMERIC, 14, 0.98), ("", SMALL, 16, 0.98), ("c", SMALL, 24, 0.99), ("01H", CROCKFORD, 23, 0.99),
    ("", HEX, 24, 0.99), ("chatcmpl-", ALPHANUMERIC, 29, 0.99), ("CA", HEX, 32, 0.99), ("/tmp/tmp", SMALL + "_", 8, 0.99),
]  # fmt: skip
# Names of files by bundler: text before the hash, alphabet, length, text after it.
BUILDS = [
    ("https://a.example/assets/CallTable-", URL_SAFE, 8, ".js"), ("https://a.example/_nuxt/", URL_SAFE, 8, ".js"),
    ("/_nuxt/entry.", URL_SAFE, 8, ".js"), ("/_app/immutable/chunks/", URL_SAFE, 8, ".js"),
    ("/_app/immutable/nodes/3.", URL_SAFE, 8, ".js"), ("/_astro/hoisted.", URL_SAFE, 8, ".js"),
    ("/x/chunk-", string.ascii_uppercase + "234567", 8, ".js"), ("/main-", string.ascii_uppercase + "234567", 8, ".js"),
    ("/static/js/main.", HEX, 8, ".chunk.js"), ("/_next/static/chunks/4bd1b696-", HEX, 16, ".js"),
    ("/chunks/[root-of-the-server]__", HEX, 8, "._.js"), ("/chunks/[root-of-the-server]__0", SMALL + "_-", 6, "._.js"),
    ("/_next/static/", URL_SAFE, 21, "/_buildManifest.js"), ("/tmp/_MEI", ALPHANUMERIC, 6, "/worker/run.py"),
]  # fmt: skip


def measure_largest_group(build: Callable[[random.Random], str]) -> float:
    """Return the share of a thousand texts that the largest group holds."""
    source = random.Random(7)
    groups = Counter(normalize(build(source)) for _ in range(1_000))
    return groups.most_common(1)[0][1] / 1_000


@pytest.mark.parametrize(("before", "alphabet", "length", "least"), IDS)
def test_random_ids_make_one_group(before: str, alphabet: str, length: int, least: float) -> None:
    share = measure_largest_group(lambda source: f"the job {before}{''.join(source.choices(alphabet, k=length))} was not found")
    print(f"{share:.1%} of ids like {before}{length} of {len(alphabet)} characters")
    assert share >= least


@pytest.mark.parametrize(("before", "alphabet", "length", "after"), BUILDS)
def test_builds_of_each_bundler_make_one_place(before: str, alphabet: str, length: int, after: str) -> None:
    share = measure_largest_group(lambda source: strip_build(before + "".join(source.choices(alphabet, k=length)) + after))
    print(f"{share:.1%} of builds like {before}…{after}")
    assert share >= 0.99


WORDS = [
    "index.js", "user-settings.js", "call-handlers.js", "use-timeline.js", "DataGrid.js", "page-DataGrid.js", "UserMenu.js",
    "vendor.bundle.js", "react-dom.production.min.js", "call-table-view.js", "api-v2-route.js", "src_app_page_tsx._.js",
    "handler2.js", "my-handler2.js", "framework.js", "Main-Timeline.js", "transcript-analysis-worker.js",
    "[turbopack]_runtime.js", "audio.worklet.js", "deepgram-realtime.js", "run.py",
]  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_a_name_without_a_hash_stays(name: str) -> None:
    for folder in ("", "/chunks/", "https://a.example/static/js/"):
        assert strip_build(folder + name) == folder + name
    assert strip_builds_in_text(f"failed in {name}:1:2") == f"failed in {name}:1:2"


@given(st.text(max_size=200))
def test_stripping_a_build_never_fails(text: str) -> None:
    for path in (text, f"/assets/{text}.js", f"https://a.example/{text}._.js"):
        assert isinstance(strip_build(path), str)
        assert isinstance(strip_builds_in_text(path), str)

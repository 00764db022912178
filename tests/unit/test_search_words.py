"""The words by which groups are found: identifiers, hosts, paths, accents, and queries that mean what was typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.grouping.search_words import MAX_WORDS, build_query, list_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://api.deepgram.com/v1", {"https", "api", "deepgram", "com", "v1"}),
        ("src/jobs/run.ts", {"src", "jobs", "run", "ts"}),
        ("getCallById", {"getcallbyid", "callbyid", "byid", "id"}),
        ("HTTPServerError", {"httpservererror", "servererror", "error"}),
        ("c.call_id", {"c", "callid", "id"}),
        ("Über die Straße, ÉCOLE", {"uber", "die", "strasse", "ecole"}),
        ("error500", {"error500", "500"}),
        ("Ошибка 日本語", {"ошибка", "日本語"}),
        ("__init__ _ --", {"init"}),
    ],
)
def test_words_within_a_text_are_found(text: str, words: set[str]) -> None:
    assert words <= set(list_words([text]))


def test_words_are_few_and_short() -> None:
    found = list_words([" ".join(f"w{number}x" for number in range(3_000)), "y" * 5_000])
    assert len(found) == MAX_WORDS
    assert max(map(len, list_words(["y" * 5_000, "ﷺ" * 500]))) <= 100


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Deepgram TIME", "'deepgram':* & 'time':*"),
        ("call_id", "'callid':*"),
        ("callById", "'callbyid':*"),
        ("t77", "'t77':*"),
        ("100% _ % ' \\ &|!", "'100':*"),
        ("%_%", ""),
    ],
)
def test_a_query_means_what_was_typed(text: str, query: str) -> None:
    assert build_query(text) == query


@given(st.text(max_size=200))
def test_no_sign_of_a_query_language_survives(text: str) -> None:
    assert re.fullmatch(r"(?:'\w{1,100}':\*(?: & (?=')|$))*", build_query(text))
    assert all(re.fullmatch(r"\w{1,100}", word) for word in list_words([text]))


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True))
def test_an_identifier_finds_itself(identifier: str) -> None:
    asked = build_query(identifier).removesuffix(":*").strip("'")
    assert not asked or asked in list_words([f"a.{identifier}()"])


def test_words_are_the_same_where_texts_were_seen_before() -> None:
    texts = ["getCallById", "app.m3:handleCall", "getCallById failed", "x" * 300, ""]
    first = list_words(texts)
    assert list_words(texts) == first
    assert list_words([*texts, *texts]) == first
    assert list_words(texts, texts) == first
    assert list_words(*([text] for text in texts)) == first
    assert {"callbyid", "handlecall", "failed"} <= set(first)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("数据库连接失败", "连接"),
        ("ファイルが見つかりません", "見つかりません"),
        ("ไม่พบไฟล์ที่ต้องการ", "ไฟล์"),
        ("데이터베이스연결실패", "연결"),
        ("خطأ في الاتصال", "اتصال"),
        ("数" * 40 + "库", "库"),
    ],
)
def test_parts_of_texts_without_blanks_are_found(text: str, part: str) -> None:
    known = list_words([text])
    asked = build_query(part).split(" & ")
    assert asked
    assert all(any(word.startswith(each.strip("':*")) for word in known) for each in asked)

"""Calls of models in OpenTelemetry's traces: counted with tokens and times, never with what was said."""

from typing import Any

import pytest

from tests.support.otlp import CLIENT, SERVER, Otlp, attributes, span, traces

CHAT = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai", "gen_ai__request__model": "gpt-4o"}


@pytest.fixture
def otlp(monkeypatch: pytest.MonkeyPatch) -> Otlp:
    return Otlp(monkeypatch)


def send(otlp: Otlp, *spans: dict[str, Any]) -> list[dict[str, Any]]:
    assert otlp.post_json("traces", traces(*spans)).json() == {}
    return otlp.model_calls()


def test_python_exporter_sends_calls_of_models(otlp: Otlp) -> None:
    otlp.replay("python_traces")
    first, second = otlp.model_calls()
    known = {"provider": "openai", "model": "gpt-4o", "operation": "chat", "environment": "staging"}
    assert {name: first[name] for name in known} == known == {name: second[name] for name in known}
    assert (first["input_tokens"], first["output_tokens"], first["has_failed"], first["call_id"]) == (1200, 80, False, "17")
    # The second timed out: it used nobody knows how many.
    assert (second["input_tokens"], second["output_tokens"], second["has_failed"], second["call_id"]) == (None, None, True, None)
    assert "SECRET" not in "".join(otlp.bodies)


def test_old_names_and_the_call_of_the_request_are_read(otlp: Otlp) -> None:
    old = {"gen_ai__system": "anthropic", "gen_ai__response__model": "claude", "gen_ai__usage__prompt_tokens": 7}
    request = span(1, kind=SERVER, spanId="a" * 16, attributes=attributes(call__id="c-9"))
    (call,) = send(otlp, request, span(1, kind=CLIENT, spanId="b" * 16, took_ms=250, attributes=attributes(**old)))
    assert (call["provider"], call["model"], call["operation"]) == ("anthropic", "claude", None)
    assert (call["input_tokens"], call["output_tokens"], call["duration_ms"], call["call_id"]) == (7, None, 250, "c-9")


@pytest.mark.parametrize(
    "given",
    [
        {**CHAT, "gen_ai__operation__name": "invoke_agent"},
        {**CHAT, "gen_ai__operation__name": "execute_tool"},
        {"gen_ai__system": "x"},
    ],
)
def test_spans_around_calls_are_no_calls(otlp: Otlp, given: dict[str, str]) -> None:
    assert send(otlp, span(1, kind=CLIENT, attributes=attributes(**given))) == []


@pytest.mark.parametrize("tokens", [-1, 2**40, True, "12", 0.5])
def test_odd_tokens_are_unknown(otlp: Otlp, tokens: Any) -> None:
    (call,) = send(otlp, span(1, kind=CLIENT, attributes=attributes(**CHAT, gen_ai__usage__input_tokens=tokens)))
    assert call["input_tokens"] in (None, 0)
    assert call["output_tokens"] is None


def test_names_are_scrubbed_and_cut(otlp: Otlp) -> None:
    given = {**CHAT, "gen_ai__request__model": "ft:jane.roe@example.com", "gen_ai__provider__name": "p" * 5_000}
    (call,) = send(otlp, span(1, kind=CLIENT, attributes=attributes(**given)))
    assert "jane" not in call["model"]
    assert len(call["provider"]) == 100


def test_call_without_an_end_is_rejected(otlp: Otlp) -> None:
    reply = otlp.post_json("traces", traces(span(1, kind=CLIENT, endTimeUnixNano="0", attributes=attributes(**CHAT))))
    assert reply.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert not otlp.bodies

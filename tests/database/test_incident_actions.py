"""What people do to incidents, and what alerts and notifications make of it; the draft of a postmortem."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.incidents.actions import act_on_incident
from callwatch.alerts.incidents.markdown import escape, write_link, write_table
from callwatch.alerts.incidents.postmortem import load_postmortem
from callwatch.alerts.incidents.serializers import load_incident_detail, load_incidents
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import RequestRefused
from callwatch.runtime.responses import encode, find_status
from callwatch.settings import get_settings
from functions import list_alerts
from tests.database.test_incidents import METRICS, MINUTE, NOW, RULES, check, evaluate, request, rules
from tests.support.api_contract import check_response

# Its rules are those of this file, too.
__all__ = ["rules"]


def act(verb: str, minute: int = 1, actor: str = "ana", incident: str = "1", **given: Any) -> Any:
    with connection() as conn:
        shown, _unknown = act_on_incident(conn, incident, verb, given, actor, get_settings(), NOW + minute * MINUTE)
        conn.commit()
    return shown


def refuse(verb: str, incident: str = "1", **given: Any) -> tuple[int, str]:
    with pytest.raises(RequestRefused) as refused:
        act(verb, incident=incident, **given)
    return find_status(refused.value), f"{refused.value.code}: {refused.value.message}"


def told(kind: str) -> list[str]:
    """Return the rules of the notifications of a kind that went to the log."""
    statement = "SELECT payload FROM callwatch.deliveries WHERE channel = 'log' AND kind = %s ORDER BY id"
    with connection() as conn:
        rows = fetch_all(conn, statement, (f"alert.{kind}",))
    return [row["payload"]["rule_id"] for row in rows]


def acknowledged() -> list[tuple[str, str | None]]:
    statement = "SELECT rule_id, acknowledged_by FROM callwatch.alerts WHERE state = 'firing' ORDER BY id"
    with connection() as conn:
        return [(row["rule_id"], row["acknowledged_by"]) for row in fetch_all(conn, statement)]


def kinds(incident: str = "1") -> list[str]:
    with connection() as conn:
        return [each["kind"] for each in load_incident_detail(conn, incident, NOW)[0]["timeline"]]


def test_taking_acknowledges_every_alert_and_reminds_no_more() -> None:
    evaluate(0, "cause", "effect")
    shown = act("take", reason="on it")
    assert (shown["owner"], shown["owned_at"], shown["state"]) == ("ana", NOW + MINUTE, "open")
    assert acknowledged() == [("cause", "ana"), ("effect", "ana")]
    assert told("acknowledged") == ["cause"], "nobody was notified of the effect"
    evaluate(70, "cause", "effect")
    assert told("firing") == ["cause"], "a critical alert would remind after an hour"
    act("take", reason="still on it")
    assert kinds().count("taken") == 1
    assert act("take", actor="ben", reason="my turn")["owner"] == "ben"


def test_releasing_ends_the_acknowledgements() -> None:
    evaluate(0, "cause", "effect")
    act("take", reason="on it")
    assert act("release", 2, actor="ben", reason="night shift")["owner"] is None
    assert acknowledged() == [("cause", None), ("effect", None)]
    evaluate(70, "cause", "effect")
    assert told("firing") == ["cause", "cause"]
    assert refuse("release", reason="again") == (409, "not_taken: nobody has taken this incident")


def test_alerts_that_join_are_acknowledged_unless_worse() -> None:
    evaluate(0, "effect")
    act("take", reason="on it")
    evaluate(1, "effect", "leaf")
    assert acknowledged() == [("effect", "ana"), ("leaf", "ana")]
    evaluate(2, "effect", "leaf", "cause")
    assert dict(acknowledged())["cause"] is None, "a critical cause is worse than what was taken"
    with connection() as conn:
        shown = load_incident_detail(conn, "1", NOW)[0]
    assert (shown["owner"], shown["cause"]["rule_id"], shown["level"]) == ("ana", "cause", "critical")


def test_a_merged_incident_hands_on_owner_and_notes() -> None:
    evaluate(0, "effect")
    evaluate(1, "effect", "effect:b")
    act("take", incident="2", reason="on it")
    act("note", incident="2", note="looks like the network")
    evaluate(2, "effect", "effect:b", "other")
    with connection() as conn:
        shown = load_incident_detail(conn, "1", NOW)[0]
    assert (shown["owner"], [each["note"] for each in shown["notes"]]) == ("ana", ["looks like the network"])
    assert refuse("take", incident="2", reason="x") == (409, "merged: it is a part of incident 1; act on that one")
    check()


def test_notes_are_scrubbed_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(0, "cause")
    shown = act("note", note="  called ann@example.com back  ")
    assert [(each["actor"], each["at"]) for each in shown["notes"]] == [("ana", NOW + MINUTE)]
    assert "ann@example.com" not in shown["notes"][0]["note"]
    assert kinds()[-1] == "note"
    monkeypatch.setattr("callwatch.alerts.incidents.actions._MAX_NOTES", 1)
    assert refuse("note", note="more") == (409, "too_many_notes: an incident holds at most 1 notes")


def test_reason_and_note_stand_for_each_other() -> None:
    evaluate(0, "cause")
    assert act("take")["owner"] == "ana", "taking needs no words"
    assert act("note", reason="looks like the network")["notes"][0]["note"] == "looks like the network"
    assert act("release", note="night shift")["owner"] is None
    assert act("resolve", note="false alarm")["state"] == "resolved"


def test_refusals_name_the_field_that_is_required() -> None:
    evaluate(0, "cause")
    refused: list[tuple[str, dict[str, Any]]] = [("release", {}), ("resolve", {}), ("take", {"reason": " "})]
    for verb, said in refused:
        status, text = refuse(verb, **said)
        assert (status, text.partition(":")[2].split(":")[0].strip()) == (422, "reason"), verb
    for given in ({}, {"note": " "}, {"note": 7}, {"note": "x" * 4_001}, {"note": "\x00"}):
        assert refuse("note", **given) == (422, "invalid_field: note: must be a text of 1 to 4,000 characters, more than blanks")
    assert refuse("escalate", reason="x")[0] == 404
    for odd in ("999", "x", "-1", "9" * 30):
        assert refuse("take", incident=odd, reason="x")[0] == 404
    evaluate(1)
    for verb in ("take", "release", "resolve"):
        assert refuse(verb, reason="x")[0] == 409, verb
    assert act("note", note="afterwards")["notes"], "a resolved incident can be noted"


def test_resolving_ends_the_alerts_with_an_all_clear() -> None:
    evaluate(0, "cause", "effect")
    shown = act("resolve", 5, reason="false alarm")
    assert (shown["state"], shown["resolved_at"], shown["firing_count"]) == ("resolved", NOW + 5 * MINUTE, 0)
    assert shown["sentence"] == "Cause [a] from 12:00 UTC to 12:05 UTC"
    assert told("resolved") == ["cause"], "nobody was notified of the effect"
    assert kinds()[-1] == "resolved"
    check()
    evaluate(6)
    assert told("resolved") == ["cause"]
    check()


def test_what_still_fires_after_resolving_is_another_incident() -> None:
    evaluate(0, "other")
    act("resolve", 1, reason="false alarm")
    evaluate(2, "other")
    with connection() as conn:
        loaded, _position = load_incidents(conn, {}, 10, NOW)
    assert [(each["id"], each["state"]) for each in loaded.items] == [("2", "open"), ("1", "resolved")]
    assert told("firing") == ["other"], "the cooldown of the rule goes on"
    evaluate(6, "other")
    assert told("firing") == ["other", "other"]
    check()


def test_resolving_a_storm_sends_one_all_clear() -> None:
    alert_manager.add_rule(
        AlertRule(
            "effect", "Effect", AlertLevel.WARNING, [AlertChannel.LOG, AlertChannel.WEBHOOK],
            [Condition("test.effect", ">", 10)], cooldown_minutes=5, depends_on=["other"],
        )
    )  # fmt: skip
    names = [f"effect:{service}" for service in "abcdefgh"]
    evaluate(0, *names)
    evaluate(1, *names, "other")
    with connection() as conn:
        loaded, _position = load_incidents(conn, {}, 10, NOW)
    (incident,) = loaded.items
    act("resolve", 2, incident=incident["id"], reason="restarted")
    assert told("resolved") == ["other"], "the late cause belongs to the same group"
    check()


def test_alerts_say_their_incident_and_their_silence() -> None:
    evaluate(0, "cause", "effect", "effect:b")
    end = (NOW + timedelta(days=4000)).isoformat()
    with connection() as conn:
        create_silence(conn, {"matchers": {"service": "a"}, "reason": "work", "ends_at": end}, "ben", get_settings(), NOW)
        conn.commit()
    page: Any = list_alerts.handle(request("/api/alerts"))
    shown = {(each["rule_id"], each["service"]): (each["incident_id"], each["silenced_by"]) for each in page["items"]}
    assert shown == {("cause", "a"): ("1", "ben"), ("effect", "a"): ("1", "ben"), ("effect", "b"): ("2", None)}
    assert page["items"][0]["changes"] == []
    check_response("GET", "/api/alerts", json.loads(encode(page)))
    with connection() as conn:
        assert load_alert_detail(conn, "1")["silenced_until"] == NOW + timedelta(days=4000)
        loaded, _position = load_incidents(conn, {}, 10, NOW)
    assert [(each["id"], each["silenced_by"]) for each in loaded.items] == [("2", None), ("1", "ben")]


def test_the_postmortem_is_a_draft_in_the_readers_zone() -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.stage_minutes VALUES ('analyses', 'pending', %s, 32)", (NOW,))
        execute(conn, "INSERT INTO callwatch.releases VALUES (1, 'production', '2.0|<b>', %s, false)", (NOW - 30 * MINUTE,))
        conn.commit()
    evaluate(0, "cause", stage="analyses")
    act("note", note="restarted *everything* | twice")
    evaluate(12, stage="analyses")
    with connection() as conn:
        text = load_postmortem(conn, "1", NOW + timedelta(hours=1), "Europe/Berlin")
    for line in (
        "# Postmortem: Cause \\[a, stage analyses\\]",
        "| began | 2026-03-01 13:00:00 |",
        "| lasted | 12 min |",
        "| calls that waited at once, at most | 32 |",
        "| agencies | unknown: its alerts name no agency |",
        "| 2026-03-01 12:30:00 | Release 2.0\\|\\<b\\> (production) first seen |",
        "| analyses | pending | 32 |",
        "| Cause | critical | 2026-03-01 13:00:00 | 2026-03-01 13:12:00 | 20 | \\> 10 |",
        "- 2026-03-01 13:01:00, ana: restarted \\*everything\\* \\| twice",
        "## Root cause",
    ):
        assert line in text.splitlines(), line
    assert "Times are in Europe/Berlin." in text


def test_markdown_keeps_foreign_text_as_text() -> None:
    hostile = "a|b\n# c <script> [x](y) `z` **w** &amp; \\"
    (row,) = write_table(("x",), [(hostile,)]).splitlines()[2:]
    assert row == f"| {escape(hostile)} |"
    assert "\n" not in escape(hostile)
    assert write_link("https://ops.example.com/a_b.md") == "<https://ops.example.com/a_b.md>"
    assert write_link("javascript:x>_") == "javascript:x\\>\\_"
    assert re.sub(r"\\(.)", r"\1", escape(hostile)) == " ".join(hostile.split())
    assert not re.search(r"(?<!\\)[`*<#|&]", escape(hostile))


def test_names_of_the_story_are_those_of_the_rules() -> None:
    assert {f"test.{name}" for name in RULES} == METRICS

"""Escalation on a real database: each step once, in order, and none after somebody took the incident."""

import contextlib
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from callwatch.alerts import alert_manager
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, fetch_all
from callwatch.exceptions import LockUnavailable
from callwatch.settings import get_settings
from tests.support.escalation_story import Transcript, act, at, cycle, prepare, restart
from tests.support.scripted_receiver import Receiver

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "routes.md"
BEGIN, END = "<!-- escalation: generated -->\n", "<!-- end of escalation -->"


@pytest.fixture(autouse=True)
def routes(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    prepare(webhook, monkeypatch, tmp_path)
    yield
    alert_manager._added.clear()


def steps() -> list[tuple[int, str]]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT step, state FROM callwatch.escalations ORDER BY step")
    return [(row["step"], row["state"]) for row in rows]


def escalated() -> list[str]:
    """Return the channels of escalated deliveries, in order."""
    with connection() as conn:
        rows = fetch_all(
            conn,
            "SELECT channel FROM callwatch.deliveries WHERE payload ->> 'occasion' = 'escalated' AND channel <> 'database'"
            " ORDER BY id",
        )
    return [row["channel"] for row in rows]


def test_thirty_minutes_until_somebody_takes_it(receiver: Receiver) -> None:
    story = Transcript(receiver)
    for minute in range(31):
        firing = ("quota", "lag")[: 1 + (minute >= 2)]
        said = {0: "OpenAI's quota is used up", 2: "analyses begin to wait, because of it"}.get(minute, "")
        if minute == 7:
            story.note(minute, "the monitor is killed before its transaction ends, and starts again")
            cycle(minute, *firing, is_committed=False)
            restart()
        elif 12 <= minute <= 17:
            if minute == 12:
                story.note(minute, "the database does not respond until 12:18: no cycle runs")
        elif minute == 25:
            act("take", minute, reason="I raise the limit")
            story.note(minute, "ana takes the incident: I raise the limit")
        elif minute < 30:
            cycle(minute, *firing)
            story.note(minute, said)
        else:
            cycle(minute)
            story.note(minute, "the quota is raised, and all is clear")
    text = BEGIN + "```\n" + "\n".join(story.lines) + "\n```\n" + END
    before, _begin, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    if os.environ.get("WRITE_DOCUMENTS"):
        DOCUMENT.write_text(before + text + after)
    assert steps() == [(1, "sent"), (2, "sent"), (3, "waiting")]
    assert escalated() == ["pagerduty", "opsgenie", "webhook"]
    assert DOCUMENT.read_text() == before + text + after, "WRITE_DOCUMENTS=1 writes the transcript"


def test_each_step_is_sent_once_whatever_dies_when(receiver: Receiver) -> None:
    numbers = random.Random(7)
    for minute in range(30):
        if numbers.random() < 0.3:
            cycle(minute, "quota", is_committed=False)
            restart()
        elif numbers.random() < 0.8:
            cycle(minute, "quota")
    cycle(31, "quota")
    assert escalated() == ["pagerduty", "opsgenie", "webhook", "pagerduty", "webhook"]
    assert [state for _step, state in steps()] == ["sent"] * 3


def test_two_monitors_send_each_step_once(receiver: Receiver) -> None:
    cycle(0, "quota")

    def evaluate(minute: int) -> None:
        with contextlib.suppress(LockUnavailable):
            cycle(minute, "quota")

    for minute in (5, 15, 28):
        both = [threading.Thread(target=evaluate, args=(minute,)) for _each in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
    assert escalated() == ["pagerduty", "opsgenie", "webhook", "pagerduty", "webhook"]


def test_a_long_pause_of_the_monitor_sends_what_is_due_once(receiver: Receiver) -> None:
    cycle(0, "quota")
    cycle(60, "quota")
    assert sorted(escalated()) == ["opsgenie", "pagerduty", "webhook"], "one message for each channel"
    assert [state for _step, state in steps()] == ["sent"] * 3


def test_released_incidents_go_on_where_they_stood(receiver: Receiver) -> None:
    cycle(0, "quota")
    act("take", 4, reason="mine")
    for minute in range(5, 60, 5):
        cycle(minute, "quota")
    assert escalated() == []
    act("release", 60, reason="not mine")
    cycle(60.5, "quota")
    assert escalated() == [], "one of five minutes is left"
    cycle(61, "quota")
    assert escalated() == ["pagerduty"]


def test_a_silenced_incident_escalates_when_the_silence_ends(receiver: Receiver) -> None:
    cycle(0, "quota")
    with connection() as conn:
        given = {"matchers": {"rule_id": "quota"}, "reason": "known", "ends_at": at(20).isoformat()}
        create_silence(conn, given, "ana", get_settings(), at(1))
        conn.commit()
    for minute in (5, 10, 19):
        cycle(minute, "quota")
    assert escalated() == []
    cycle(21, "quota")
    assert sorted(escalated()) == ["opsgenie", "pagerduty", "webhook"]


def test_a_resolved_incident_sends_no_further_step(receiver: Receiver) -> None:
    cycle(0, "quota")
    cycle(5, "quota")
    cycle(6)
    cycle(20)
    assert escalated() == ["pagerduty"]
    cycle(21, "quota")
    cycle(26, "quota")
    assert escalated() == ["pagerduty", "pagerduty"], "the next incident has steps of its own"
    cycle(27)
    pages = [each for each in receiver.received if each.path == "/v2/enqueue"]
    assert len(pages) == 4, "each page is resolved"


def test_a_late_cause_keeps_the_steps_of_its_incident(receiver: Receiver) -> None:
    cycle(0, "quota")
    cycle(4, "quota", "late")
    cycle(5, "quota", "late")
    assert escalated() == ["pagerduty"]
    cycle(15, "late")
    assert sorted(escalated()) == ["opsgenie", "pagerduty", "webhook"]
    assert [state for _step, state in steps()] == ["sent", "sent", "waiting"]

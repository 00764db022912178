"""The weekly report by mail: at the owners' hour, once, also with two monitors or a failure in between."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.notifications.muted import find_muted_deliveries
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.silences import add_silence, list_silences_in_force
from callwatch.exceptions import ConfigurationError
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.weekly_report_step import queue_report, send_weekly_report
from callwatch.reports.weekly import report as weekly_report
from callwatch.settings import get_settings, load_settings, reset_settings
from tests.support.mail_server import MailServer
from tests.support.monitor_cycles import cycle

NOW = datetime.now(UTC)
# Nine o'clock in New York, on the last Tuesday that had one.
SENT_AT = "Tuesday 09:00 America/New_York"
TO = ("ana@example.com", "Ben@example.com")


@pytest.fixture
def server(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """Yield a mail server that the channel of e-mail uses, with a report that is due each Tuesday at nine in New York."""
    with MailServer() as found:
        monkeypatch.setenv("SMTP_URL", f"smtp+plain://127.0.0.1:{found.port}")
        monkeypatch.setenv("ALERT_EMAIL_TO", ",".join(TO))
        monkeypatch.setenv("ALERT_EMAIL_FROM", "ops@example.com")
        monkeypatch.setenv("WEEKLY_REPORT_AT", SENT_AT)
        monkeypatch.setenv("APP_URL", "https://ops.example.com")
        reset_settings()
        yield found


def find_due() -> datetime:
    at = get_settings().weekly_report_at
    assert at is not None
    return at.find_last(NOW, "UTC").astimezone(UTC)


def run_step(now: datetime) -> Mapping[str, object]:
    return send_weekly_report(Cycle(now, deadline=1e9))


def list_deliveries() -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT channel, kind, state FROM callwatch.deliveries WHERE kind = 'report.weekly' ORDER BY id")


def test_report_arrives_at_its_hour_and_once(server: MailServer) -> None:
    due = find_due()
    assert run_step(due - timedelta(minutes=1)) == {}
    for minute in range(3):
        found = run_step(due + timedelta(minutes=minute))
        assert found == {"queued": 1 if minute == 0 else 0}
        deliver_due(due + timedelta(minutes=minute), 5)
    ((recipients, _raw),) = server.accepted
    assert recipients == TO
    (mail,) = server.list_messages()
    year, number, _day = (due - timedelta(days=7)).isocalendar()
    assert mail["Subject"] == f"Callwatch, week {year}-W{number:02}: targets 5 unknown"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert f"Week {year}-W{number:02}, UTC." in text.get_content()
    assert "unknown: Requests that fail: unknown, wanted below 1 %" in text.get_content()
    assert "https://ops.example.com/admin/operations#/reports" in text.get_content()
    assert f"<h1>Week {year}-W{number:02}</h1>" in html.get_content()


def test_whole_cycle_sends_it(server: MailServer) -> None:
    report = cycle(find_due() + timedelta(minutes=1))
    assert report["steps"]["weekly_report"] == {"error": None, "queued": 1}
    assert [str(mail["Subject"])[:9] for mail in server.list_messages() if "week" in mail["Subject"]] == ["Callwatch"]


def test_two_monitors_at_once_queue_one(server: MailServer) -> None:
    due, found = find_due(), list[int]()
    with connection() as first:
        assert queue_report(first, get_settings(), due, due) == 1

        def run_second() -> None:
            with connection() as second:
                found.append(queue_report(second, get_settings(), due, due))
                second.commit()

        thread = threading.Thread(target=run_second)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "the second waits for the first"
        first.commit()
        thread.join(10)
    assert found == [0]
    assert len(list_deliveries()) == 1


def test_crash_before_the_commit_leaves_it_due(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> None:
        raise RuntimeError

    due = find_due()
    with monkeypatch.context() as broken:
        broken.setattr(weekly_report, "read_cost", fail)
        with pytest.raises(RuntimeError):
            run_step(due)
    assert list_deliveries() == []
    assert run_step(due + timedelta(minutes=1)) == {"queued": 1}


def test_mail_server_that_is_down_gets_it_later(server: MailServer) -> None:
    due = find_due()
    server.answers["MAIL"] = "451 4.3.0 try again"
    run_step(due)
    deliver_due(due, 5)
    assert (server.accepted, [row["state"] for row in list_deliveries()]) == ([], ["due"])
    del server.answers["MAIL"]
    deliver_due(due + timedelta(minutes=30), 5)
    assert len(server.accepted) == 1


def test_late_monitor_sends_within_a_day_and_not_after(server: MailServer) -> None:
    due = find_due()
    assert run_step(due + timedelta(days=1)) == {}
    assert run_step(due + timedelta(hours=23, minutes=59)) == {"queued": 1}


def test_forgotten_delivery_is_not_sent_again(server: MailServer) -> None:
    due = find_due()
    run_step(due)
    with connection() as conn:
        execute(conn, "DELETE FROM callwatch.deliveries")
        conn.commit()
    assert run_step(due + timedelta(minutes=5)) == {"queued": 0}
    assert run_step(due + timedelta(days=7)) == {"queued": 1}


def test_silence_of_all_alerts_keeps_the_report(server: MailServer) -> None:
    due = find_due()
    run_step(due)
    with connection() as conn:
        add_silence(conn, {"rule_id": "service_down"}, "test", "ana", due, due + timedelta(hours=1))
        assert find_muted_deliveries(conn, Silences(load_silences(list_silences_in_force(conn, due), due))) == []


def test_each_channel_of_mail_gets_it(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EMAIL_TO__OWNERS", "boss@example.com")
    reset_settings()
    due = find_due()
    assert run_step(due) == {"queued": 2}
    deliver_due(due, 5)
    assert sorted(to for to, _raw in server.accepted) == [TO, ("boss@example.com",)]


def test_it_is_off_by_default(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    due = find_due()
    monkeypatch.delenv("WEEKLY_REPORT_AT")
    reset_settings()
    assert run_step(due) == {}
    assert list_deliveries() == []


def test_without_a_mail_channel_nothing_is_queued(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMTP_URL")
    reset_settings()
    assert run_step(find_due()) == {"queued": 0}


@pytest.mark.parametrize(
    ("raw", "now", "last"),
    [
        ("monday 08:00", "2026-11-30T08:00:00+00:00", "2026-11-30T08:00:00+00:00"),
        ("Monday 08:00", "2026-11-30T07:59:59+00:00", "2026-11-23T08:00:00+00:00"),
        ("sunday 23:30 America/New_York", "2026-11-30T05:00:00+00:00", "2026-11-30T04:30:00+00:00"),
        ("monday 08:00 Asia/Kolkata", "2026-11-30T02:30:00+00:00", "2026-11-30T02:30:00+00:00"),
        # Half past two does not exist on this Sunday.
        ("sunday 02:30 America/New_York", "2026-03-08T12:00:00+00:00", "2026-03-08T07:30:00+00:00"),
    ],
)
def test_time_of_a_week_is_that_of_its_zone(raw: str, now: str, last: str) -> None:
    at = load_settings({"WEEKLY_REPORT_AT": raw}).weekly_report_at
    assert at is not None
    assert at.find_last(datetime.fromisoformat(now), "UTC").astimezone(UTC) == datetime.fromisoformat(last)


@pytest.mark.parametrize(
    "raw", ["monday", "08:00", "mon 08:00", "monday 24:00", "monday 8:00", "monday 08:00 Nowhere/City", "1 08:00"]
)
def test_bad_time_names_what_it_takes(raw: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^WEEKLY_REPORT_AT must be .*such as"):
        load_settings({"WEEKLY_REPORT_AT": raw})
